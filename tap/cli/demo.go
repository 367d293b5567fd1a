package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// sandboxFlags are the flags of the sandbox. What only tests need is hidden from its help.
type sandboxFlags struct {
	Addr          string        `help:"Loopback address to serve at; port 0 for a free one." default:"127.0.0.1:8075"`
	Candidates    int           `help:"Number of candidates; other lists scale with it." default:"1000"`
	Seed          uint64        `help:"Seed of the rows." default:"1"`
	Limit         int           `help:"Requests per window; --limit=-1 for no limit." default:"50"`
	Window        time.Duration `help:"Length of a window." default:"30s"`
	Latency       time.Duration `help:"Latency of each list."`
	Gzip          bool          `help:"Compress answers."`
	CursorLife    time.Duration `help:"Refuse cursors that are older." hidden:""`
	TokenLife     time.Duration `help:"How long a token works." default:"1h" hidden:""`
	TokenUses     int           `help:"How many requests a token works for; 0 for any number." hidden:""`
	OneReader     bool          `help:"Refuse a second reader: a token that is used after a newer one." hidden:""`
	WindowOffset  time.Duration `help:"Windows begin this long after the multiples of their length." hidden:""`
	HonestReset   bool          `help:"X-RateLimit-Reset is the end of the window; otherwise it slides, as observed." hidden:""`
	NoIntrospect  bool          `help:"Refuse the introspection of tokens." name:"no-introspection" hidden:""`
	Organization  string        `help:"Name of the organization that introspection tells." default:"Sandbox Inc."`
	OrgID         int64         `help:"Number of that organization." name:"organization-id" default:"4001"`
	Role          string        `help:"Role of the credential's user. Default: site_admin, or basic with --not-admin." placeholder:"ROLE"`
	RedirectFiles bool          `help:"Links of attachments lead to the API, which redirects to a new link." hidden:""`
	Scopes        []string      `help:"Scopes of the credential. Default: all."`
	NotAdmin      bool          `help:"The user is not a Site Admin: every list is refused."`
	EmptyLists    bool          `help:"The user is not a Site Admin: every list is empty." hidden:""`
	NoUpperBounds bool          `help:"Refuse time filters with an upper bound." hidden:""`
	MessageRows   bool          `help:"Add a row that contains only a message to each page of candidates." hidden:""`
	NoKeys        bool          `help:"Refuse to exchange API keys." hidden:""`
	Gone          []string      `help:"Columns that rows lack, as stream.column; asking for them is refused." hidden:""`
	Removed       []string      `help:"Lists that answer 404." hidden:""`
	Chaos         float64       `help:"Probability of a fault in an answer." hidden:""`
	Faults        []string      `help:"Kinds of faults. Default: all that a retry can fix." hidden:""`
}

// sandbox serves the built-in Harvest v3 until stopped.
func (p *program) sandbox(ctx context.Context, flags sandboxFlags) error {
	opts := sandbox.Options{
		Seed: flags.Seed, Candidates: flags.Candidates, Limit: flags.Limit, Window: flags.Window,
		Latency: flags.Latency, Gzip: flags.Gzip,
		CursorLife: flags.CursorLife, TokenLife: flags.TokenLife, TokenUses: flags.TokenUses,
		OneReader: flags.OneReader, NoIntrospection: flags.NoIntrospect, Scopes: flags.Scopes,
		WindowOffset: flags.WindowOffset, HonestReset: flags.HonestReset, Role: flags.Role,
		Organization:  sandbox.Organization{ID: flags.OrgID, Name: flags.Organization},
		RedirectFiles: flags.RedirectFiles,
		NotAdmin:      flags.NotAdmin, EmptyLists: flags.EmptyLists, NoUpperBounds: flags.NoUpperBounds,
		MessageRows: flags.MessageRows, NoKeys: flags.NoKeys,
		Gone: flags.Gone, Removed: flags.Removed,
	}
	switch {
	case flags.Candidates < 1:
		return errCandidates
	case flags.Chaos < 0 || flags.Chaos > 1:
		return usage(errors.New("--chaos is a probability from 0 to 1"))
	case len(flags.Faults) > 0 && flags.Chaos == 0:
		return usage(errors.New("--faults needs --chaos, the probability of a fault"))
	case flags.Window < time.Second || flags.Window%time.Second != 0:
		return usage(errors.New("--window must be whole seconds"))
	case flags.WindowOffset < 0:
		return usage(errors.New("--window-offset must not be negative"))
	}
	if flags.Chaos > 0 {
		var faults []sandbox.Fault
		for _, name := range flags.Faults {
			f, err := sandbox.ParseFault(name)
			if err != nil {
				return usage(err)
			}
			faults = append(faults, f)
		}
		opts.Fault = sandbox.Chaos(flags.Seed, flags.Chaos, faults...)
	}
	server, err := startSandbox(opts, flags.Addr)
	if err != nil {
		return nothingRead(err)
	}
	if err := writeJSON(p.Out, server.Config()); err != nil {
		return err
	}
	p.log.Info("the sandbox is serving; its config is on standard output", "addr", server.URL())
	return server.Serve(ctx)
}

var errCandidates = usage(errors.New("--candidates must be at least 1"))

func startSandbox(opts sandbox.Options, addr string) (*sandbox.Server, error) {
	server, err := sandbox.New(opts)
	if err != nil {
		return nil, err
	}
	if err := server.Start(addr); err != nil {
		return nil, &tap.Error{
			Kind: tap.BadInput, Op: "sandbox", Err: err,
			Hint: "give another address of this machine as --addr, such as 127.0.0.1:0",
		}
	}
	return server, nil
}

type demoFlags struct {
	Candidates  int  `help:"Number of candidates; other lists scale with it." default:"1000"`
	Slow        bool `help:"Answer slowly, within a limit, as Greenhouse does: to watch the display."`
	reportFlags `embed:""`
}

// demo syncs every stream from its own sandbox.
func (p *program) demo(ctx context.Context, flags demoFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	if flags.Candidates < 1 {
		return errCandidates
	}
	opts := sandbox.Options{Seed: 1, Candidates: flags.Candidates, Limit: -1}
	if flags.Slow {
		opts.Latency, opts.Limit, opts.Window = 300*time.Millisecond, 20, 3*time.Second
	}
	server, err := startSandbox(opts, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer server.Close()
	made, err := json.Marshal(server.Config())
	if err != nil {
		return err
	}
	cfg, err := config.Parse(made)
	if err != nil {
		return err
	}
	streams, err := schemas.Lists()
	if err != nil {
		return err
	}
	for _, s := range streams {
		if s.ViewOf == "" {
			cfg.Streams = append(cfg.Streams, s.Name)
		}
	}
	p.log.Debug("syncing every stream from the built-in sandbox", "addr", server.URL())
	account := p.open(cfg, nil)
	defer account.Close()
	run, err := account.Prepare(ctx, greenhouse.Read{})
	if err != nil {
		return err
	}
	if !isTerminal(p.Out) {
		to := toStdout(p.Out)
		to.toPerson = true
		return p.run(ctx, run, to, flags.reportFlags)
	}
	show := &showcase{records: map[string]int{}, samples: map[string]string{}}
	err = p.run(ctx, run, toStdout(show), flags.reportFlags)
	var over *exitError
	if err == nil || errors.As(err, &over) { // it has ended, somehow
		if err := show.print(p.Out, caller()); err != nil {
			return err
		}
	}
	return err
}

// showcase collects what to show a person from the messages.
type showcase struct {
	order   []string
	records map[string]int
	samples map[string]string
}

func (s *showcase) Write(lines []byte) (int, error) {
	for line := range bytes.Lines(lines) {
		rest, ok := bytes.CutPrefix(line, []byte(`{"type":"RECORD","stream":"`))
		if !ok {
			continue
		}
		name, record, _ := strings.Cut(string(rest), `"`)
		if s.records[name]++; s.records[name] == 1 {
			s.order = append(s.order, name)
			s.samples[name] = strings.TrimPrefix(record, `,"record":`)
		}
	}
	return len(lines), nil
}

// shownStreams is the number of streams in the table, so that the output fits in 24 lines.
const shownStreams = 8

// sampled are the streams of which a record is shown, with their most telling columns.
var sampled = []struct {
	stream  string
	columns []string
}{
	{"candidates", []string{"id", "first_name", "last_name"}},
	{"jobs", []string{"id", "name"}},
	{"offers", []string{"id", "status"}},
}

// print shows the streams with most records, some records, and what to do next. caller is the name
// of this program.
func (s *showcase) print(out io.Writer, caller string) error {
	slices.SortStableFunc(s.order, func(a, b string) int { return s.records[b] - s.records[a] })
	fmt.Fprintln(out)
	rest := 0
	for i, name := range s.order {
		if i >= shownStreams {
			rest += s.records[name]
			continue
		}
		fmt.Fprintf(out, "%8s  %s\n", tap.Number(s.records[name]), name)
	}
	if more := len(s.order) - shownStreams; more > 0 {
		fmt.Fprintf(out, "%8s  records of %d more streams\n", tap.Number(rest), more)
	}
	w := tabwriter.NewWriter(out, 0, 0, 0, ' ', 0)
	fmt.Fprintln(out)
	for _, sample := range sampled {
		fmt.Fprintf(out, "%-11s %s\n", sample.stream,
			some(s.samples[sample.stream], sample.columns))
	}
	fmt.Fprintf(out, "\nThe messages were only counted. Next:\n\n")
	for _, next := range [][2]string{
		{"demo | target-jsonl", "pipe them to a loader"},
		{"demo --slow", "watch a longer run"},
		{"init", "read your own account"},
	} {
		fmt.Fprintf(w, "  %s %s\t   %s\n", caller, next[0], next[1])
	}
	return w.Flush()
}

// some returns a record, from a RECORD message that starts at its record, with only these columns.
func some(message string, columns []string) string {
	var record map[string]jsontext.Value
	if err := json.UnmarshalDecode(jsontext.NewDecoder(strings.NewReader(message)),
		&record); err != nil {
		return ""
	}
	out := []byte("{")
	for _, c := range columns {
		if v, ok := record[c]; ok {
			if len(out) > 1 {
				out = append(out, ", "...)
			}
			out = fmt.Appendf(out, "%q: %s", c, v)
		}
	}
	return string(append(out, '}'))
}

// caller returns how the program was called, so that the commands it shows can be typed as they are:
// by its name, by a path, or through go run.
func caller() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ."
	}
	return os.Args[0]
}
