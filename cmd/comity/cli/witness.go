package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/audit/witness"
	"github.com/comity-platform/comity/audit/witness/daemon"
)

type witnessCmd struct {
	Key   witnessKeyCmd   `cmd:"" help:"Make the state's witness: its key, and its memory of the empty log."`
	Serve witnessServeCmd `cmd:"" help:"Run the witness: cosign what goes on from what it saw."`
	Init  witnessInitCmd  `cmd:"" help:"Give a witness whose memory was lost a new one."`
}

// Help says what it is for, and how the commands belong together.
func (witnessCmd) Help() string {
	return `Each state runs a witness of the log of acts (C2SP tlog-witness). It remembers the last checkpoint that it saw and
cosigns the next only when that goes on from it: an exchange that rewrites the record, or shows states different
ones, gets no cosignature, and without its own witness's no state's custodian releases a key. It needs no login,
keeps no secret but its key, and learns only how many leaves there are.

Example:
  comity witness key --dir /var/lib/witness --union sample --state KZ     (the key goes into the manifest)
  comity witness serve --dir /var/lib/witness --union sample --log-key "$(cat log.pub)" \
    --listen 0.0.0.0:7380 --tls-cert cert.pem --tls-key key.pem`
}

// watched is the log that a witness watches.
type watched struct {
	Dir    string `required:"" help:"The witness's folder: its key and what it cosigned last. For nobody else's eyes." type:"path" placeholder:"DIR"`
	Union  string `help:"The union's name, whose log it watches." placeholder:"NAME"`
	Origin string `help:"The log's origin instead, as its checkpoints begin." placeholder:"TEXT"`
}

func (w watched) origin() (string, error) {
	if (w.Union == "") == (w.Origin == "") {
		return "", usagef("give either --union or --origin: which log is watched")
	}
	if w.Union != "" {
		return verify.Origin(w.Union), nil
	}
	return w.Origin, nil
}

type witnessKeyCmd struct {
	watched
	State comity.State `help:"The state whose witness it is: for the key's name." placeholder:"STATE"`
	Name  string       `help:"The key's name instead; a manifest takes comity/witness/UNION/STATE, or that with a slash and more after it." placeholder:"NAME"`
}

// Help says what to do with the key.
func (witnessKeyCmd) Help() string {
	return `Prints the public key, for the state's manifest (comity manifest new --witness-key). Where there is a witness in the
folder already, its key is printed and nothing is made. Back the folder's key up; of its memory only the newest
copy is any good.

Examples:
  comity witness key --dir /var/lib/witness --union sample --state KZ
  comity witness key --dir /var/lib/witness --union sample --state KZ --json | jq -r .key > kz-witness.pub`
}

func (k witnessKeyCmd) Run(r *run) error {
	origin, err := k.origin()
	if err != nil {
		return err
	}
	name := k.Name
	switch {
	case (k.State == "") == (k.Name == ""), k.Name == "" && k.Union == "":
		return usagef("give either --state, with --union, or --name: what the key is called")
	case k.State != "" && !k.State.Valid():
		return usagef("%q is not an ISO 3166-1 alpha-2 code", k.State)
	case k.State != "":
		name = verify.WitnessName(k.Union, string(k.State))
	}
	if err := notekey.CheckName(name); err != nil {
		return usagef("%w", err)
	}
	key, err := witness.Make(r.ctx, k.Dir, origin, name)
	if err != nil {
		return err
	}
	return r.print(map[string]any{"dir": k.Dir, "origin": origin, "name": key.Name(), "key": key.Public()}, func(w io.Writer) {
		field(w, "witness of", origin)
		field(w, "key", key.Public())
		field(w, "folder", k.Dir+" (for nobody else's eyes)")
		field(w, "next", "comity manifest new --witness-key names it in the state's manifest; comity witness serve runs it")
	})
}

type witnessServeCmd struct {
	watched
	LogKey  []string `required:"" help:"Public key of the log, as the operator gives it and the state's manifest names it. Repeatable." placeholder:"VKEY" sep:"none"`
	Listen  string   `help:"Address to answer on." default:"127.0.0.1:7380" placeholder:"ADDRESS"`
	TLSCert string   `name:"tls-cert" help:"Certificate chain (PEM), taken anew when it is renewed; without it, an address of this machine only." type:"path" placeholder:"FILE"`
	TLSKey  string   `name:"tls-key" help:"Its key (PEM)." type:"path" placeholder:"FILE"`
	Metrics string   `name:"metrics-listen" help:"Address of this machine for Prometheus metrics; none by default." placeholder:"ADDRESS"`
}

// Help says what it answers and where its state is.
func (witnessServeCmd) Help() string {
	return `Answers POST /add-checkpoint (C2SP tlog-witness), GET /healthz and GET /readyz, until SIGINT or SIGTERM. What it
cosigns is on disk before it is answered. One that does not know what it cosigned last does not start. Two
checkpoints of one size under the log's key, which show that the log forked, are kept below forks in the folder, of the first
fifty forks; later ones are counted in its log.

Examples:
  comity witness serve --dir /var/lib/witness --union sample --log-key "$(cat log.pub)"
  comity witness serve --dir /var/lib/witness --union sample --log-key "$(cat log.pub)" --listen 0.0.0.0:7380 \
    --tls-cert cert.pem --tls-key key.pem --metrics-listen 127.0.0.1:9465
  COMITY_DIR=/var/lib/witness COMITY_UNION=sample COMITY_LOG_KEY="$(cat log.pub)" comity witness serve`
}

func (s witnessServeCmd) Run(r *run) error {
	origin, err := s.origin()
	if err != nil {
		return err
	}
	return daemon.Serve(r.ctx, daemon.Config{Dir: s.Dir, Origin: origin, LogKeys: s.LogKey, Listen: s.Listen,
		TLSCert: s.TLSCert, TLSKey: s.TLSKey, Metrics: s.Metrics, Log: r.stderr})
}

type witnessInitCmd struct {
	watched
	LogKey     []string `help:"Public key of the log, to begin from a checkpoint. Repeatable." placeholder:"VKEY" sep:"none"`
	Checkpoint string   `help:"A checkpoint to begin from, signed by the log; without it, the witness begins from the empty log." type:"path" placeholder:"FILE"`
}

// Help says when it is right.
func (witnessInitCmd) Help() string {
	return `For a witness whose memory was lost, or that has a new key: it begins to watch anew, and for everything before it has
no word. Take the newest checkpoint that anybody of the state has seen (comity log verify), since a record that
was rewritten meanwhile is taken by a witness that begins from the empty log. A memory of something cosigned is never replaced.

Example:
  comity witness init --dir /var/lib/witness --union sample --log-key "$(cat log.pub)" --checkpoint last.checkpoint`
}

func (i witnessInitCmd) Run(r *run) error {
	origin, err := i.origin()
	if err != nil {
		return err
	}
	if (i.Checkpoint == "") != (len(i.LogKey) == 0) {
		return usagef("--checkpoint and --log-key belong together")
	}
	var log []note.Verifier
	for _, vkey := range i.LogKey {
		key, err := notekey.Log(vkey)
		if err != nil {
			return usagef("--log-key: %w", err)
		}
		log = append(log, key)
	}
	skey, err := notekey.Read(witness.KeyFile(i.Dir))
	if err != nil {
		return err
	}
	key, err := notekey.NewCosigner(skey, time.Now)
	if err != nil {
		return err
	}
	var from []byte
	if i.Checkpoint != "" {
		if from, err = os.ReadFile(i.Checkpoint); err != nil {
			return err
		}
	}
	c, err := witness.Begin(r.ctx, i.Dir, origin, key, log, from)
	if err != nil {
		return comity.Invalid("dir", err.Error())
	}
	return r.print(map[string]any{"dir": i.Dir, "origin": origin, "size": c.Size, "root": fmt.Sprintf("%x", c.Root)}, func(w io.Writer) {
		field(w, "witness of", origin)
		field(w, "begins from", fmt.Sprintf("%d leaves, root %x", c.Size, c.Root))
	})
}
