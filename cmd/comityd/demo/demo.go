// Package demo plays the main job of the exchange, from a case's filing to its
// reservation, through the public API with the Go client: embedded, or on real
// Vault, MinIO and PostgreSQL. Every step is checked, the denials included.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/client/importer"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/statement"
)

// ImageSize is the size of the disk image that the demo uploads.
const ImageSize = 256 << 20

// Options say where the story is played.
type Options struct {
	// Config is the configuration of the server that serves it. The story
	// itself uses its address and roots alone; one step has a server turn
	// against its users, and does with it what such a server could.
	Config service.Config
	// Document is a STIX bundle or MISP event to file the case from; a made-up
	// one when empty.
	Document string
	// ImageSize is that of the disk image; ImageSize when 0.
	ImageSize int64
	Out       io.Writer
	Color     bool
}

// Result is what a story came to.
type Result struct {
	Acts    int
	Denials int
}

// Play plays the story. An error names the step that did not go as told.
func Play(ctx context.Context, o Options) (Result, error) {
	s, err := play(ctx, o)
	if s == nil {
		return Result{}, err
	}
	return Result{s.acts, s.denials}, err
}

// Check says what of the options would end the story in its middle, so that
// nothing is started in vain.
func (o Options) Check() error {
	if o.ImageSize != 0 {
		if err := checkImageSize(o.ImageSize); err != nil {
			return err
		}
	}
	draft, name, err := o.draft()
	if err == nil {
		_, err = wallet(draft)
	}
	if err != nil {
		return fmt.Errorf("the document %s: %w", name, err)
	}
	return nil
}

func play(ctx context.Context, o Options) (*story, error) {
	if o.ImageSize == 0 {
		o.ImageSize = ImageSize
	}
	raw, err := os.ReadFile(o.Config.Roots)
	if err != nil {
		return nil, err
	}
	roots, err := statement.ReadRoots(raw)
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "comity-demo-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	s := &story{teller: &teller{w: o.Out, color: o.Color}, o: o, roots: roots, work: work, officers: map[string]*officer{}}
	for _, chapter := range s.chapters() {
		s.step(chapter.title)
		if err := chapter.play(ctx); err != nil {
			return s, fmt.Errorf("step %d, %q: %w", s.steps, chapter.title, err)
		}
	}
	return s, nil
}

type chapter struct {
	title string
	play  func(context.Context) error
}

// story is what the chapters hand on to each other.
type story struct {
	*teller
	o        Options
	roots    statement.Roots
	work     string // folder for files, removed afterwards
	officers map[string]*officer

	began    time.Time // by the server's clock: the record of earlier plays is left out
	wallet   string    // that Armenia has seen too
	filed    comity.ID
	disk     *client.Exhibit // the disk image, granted
	letter   *client.Exhibit // the ransom note, not granted
	request  comity.ID
	release  comity.ID
	grant    comity.ID
	header   []byte // of the disk image, as Armenia was shown it
	terms    client.NewGrant
	diskFile string
}

func (s *story) chapters() []chapter {
	return []chapter{
		{"Officers of three states log in, each with a key of their own", s.login},
		{"Kazakhstan files a ransomware case against a bank, and uploads two exhibits", s.file},
		{"Armenia has seen the same wallet, and cannot see that the case exists", s.ask},
		{"Kazakhstan answers: a release decision, then a grant of the case and one exhibit", s.answer},
		{"Armenia reads the case and opens the exhibit", s.open},
		{"What the grant does not say is refused", s.beyond},
		{"A server that turns against its users gets no key", s.turned},
		{"Kazakhstan revokes the grant", s.revoke},
		{"The authority of Kazakhstan reserves the case as a domestic matter", s.reserve},
		{"Armenia closes its request with feedback on use", s.close},
		{"The record of acts shows each side what concerns it", s.record},
	}
}

// officer is one at work.
type officer struct {
	*client.Client
	who  string // as told
	self client.Officer
}

// as logs an officer in, once, as in "liaison@KZ".
func (s *story) as(ctx context.Context, name string) (*officer, error) {
	if o := s.officers[name]; o != nil {
		return o, nil
	}
	c, err := client.Login(ctx, client.Config{Server: s.o.Config.ExternalURL, Union: s.o.Config.Union, Roots: s.roots}, name)
	if err != nil {
		return nil, fmt.Errorf("log in as %s: %w", name, err)
	}
	self, err := c.Viewer(ctx)
	if err != nil {
		return nil, fmt.Errorf("log in as %s: %w", name, err)
	}
	o := &officer{Client: c, who: name, self: self}
	s.officers[name] = o
	return o, nil
}

// draft reads the document that the case is filed from, and says which it is.
func (o Options) draft() (*importer.Draft, string, error) {
	if o.Document == "" {
		d, err := importer.Read(sample(), importer.Options{})
		return d, "a MISP event that is made up (a real one: --document FILE)", err
	}
	f, err := os.Open(o.Document)
	if err != nil {
		return nil, o.Document, err
	}
	defer f.Close()
	d, err := importer.Read(f, importer.Options{})
	return d, o.Document, err
}

// RealDocument finds the published MISP event among the data that lies beside
// the repository, where it never enters; "" when there is none.
func RealDocument() string {
	path := filepath.Join("..", "shared", "data", "misp", "misp-kryptocibule.json")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// wallet finds the first wallet address of a document.
func wallet(d *importer.Draft) (string, error) {
	for _, o := range d.Observables {
		if o.Type == "cryptocurrency-wallet" {
			return o.Value, nil
		}
	}
	return "", errors.New("the document names no wallet address for Armenia to have seen; take another with --document")
}

func week(from time.Time) time.Time { return from.Add(7 * 24 * time.Hour) }
