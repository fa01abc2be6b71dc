package exchange

import (
	"context"
	"errors"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// correspondence is one state's side of a request: what a side writes is its
// own record, sealed under its own key (Article 1), which is made with the
// first thing it writes.
type correspondence struct {
	key     wordKey
	wrapped string // not yet kept, "" when it is
}

func (c *correspondence) open(ctx context.Context, a *attempt, request comity.ID) error {
	own := a.who.Officer.State
	var wrapped string
	err := a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		keys, err := tx.RecordKeys([]comity.ID{request})
		wrapped = keys[request][own]
		return err
	})
	if err != nil {
		return err
	}
	if wrapped != "" {
		c.key, err = a.x.keys.get(ctx, keyRef{request, own, wrapped})
		return err
	}
	keys, err := a.x.custodian(own)
	if err != nil {
		return err
	}
	c.wrapped, c.key, err = newWordKey(ctx, keys, request)
	return err
}

// keep stores a key that was made for this act.
func (c *correspondence) keep(tx storage.Tx, a *attempt, request comity.ID) error {
	if c.wrapped == "" {
		return nil
	}
	err := tx.InsertRecordKey(request, a.who.Officer.State, c.wrapped)
	if errors.Is(err, storage.ErrExists) {
		return comity.Conflict("the other officer of this side wrote first; ask again")
	}
	return err
}

func (c *correspondence) write(tx storage.Tx, a *attempt, r storage.Request, text comity.MessageText) (comity.ID, error) {
	if err := c.keep(tx, a, r.ID); err != nil {
		return "", err
	}
	o := a.who.Officer
	m := comity.Message{ID: comity.NewID(comity.KindMessage), Request: r.ID, State: o.State, Author: o.Ref(), Function: o.Function, CreatedAt: a.now}
	sealed, err := seal(c.key, bindMessage(m), text)
	if err != nil {
		return "", err
	}
	return m.ID, tx.InsertMessage(storage.Message{Message: m, Sealed: sealed})
}

// SendMessage adds a message to the correspondence on a request.
type SendMessage struct {
	Key     string    `json:"-"`
	Request comity.ID `json:"request"`
	Text    string    `json:"text"`
	// Classification is declared of the text.
	Classification comity.Classification `json:"classification,omitempty"`

	ID comity.ID `json:"-"`

	request storage.Request
	words   correspondence
}

func (s *SendMessage) about() (sovereignty.Action, string, any) {
	return sovereignty.MessageSend, s.Key, s
}

func (s *SendMessage) judge(tx storage.ReadTx, a *attempt) (err error) {
	if s.request, err = a.findRequest(tx, s.Request, s.Classification); err != nil {
		return err
	}
	if err := first(needed("text", s.Text, "a message has a text"), checkText("text", s.Text)); err != nil {
		return err
	}
	if s.request.Status == comity.RequestClosed {
		return comity.Conflict("the request is closed")
	}
	return nil
}

func (s *SendMessage) prepare(ctx context.Context, a *attempt) error {
	return s.words.open(ctx, a, s.Request)
}

func (s *SendMessage) commit(tx storage.Tx, a *attempt) (err error) {
	if s.ID, err = s.words.write(tx, a, s.request, comity.MessageText{Text: s.Text, Classification: s.Classification}); err != nil {
		return err
	}
	a.on(string(s.ID))
	a.made = []comity.ID{s.ID}
	return nil
}

func (s *SendMessage) finish(context.Context, *attempt) error { return nil }

func (s *SendMessage) repeat(_ context.Context, _ *attempt, ids []comity.ID) error {
	s.ID = ids[0]
	return nil
}
