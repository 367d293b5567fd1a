package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/airbyte"
	"github.com/tap-greenhouse/tap-greenhouse/tap/attachments"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/custom"
	"github.com/tap-greenhouse/tap-greenhouse/tap/harvest"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/report"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// job is one sync: what to read, from where, and how to say it.
type job struct {
	*program
	cfg           *config.Config
	voice         tap.Voice
	sample        bool
	acceptDeletes []string
	report        string // file for an account of the run; empty for none
	failScope     bool   // a missing scope fails its stream, whatever the config says
	rotated       func(token string)
	fatal         func(err error) // tells of an error that ended the whole run; nil for the log alone
	began         time.Time
	client        *harvest.Client
	engine        *tap.Engine
	selections    []*tap.Selection
	columns       *custom.Columns
	state         *tap.State
}

// prepare reads catalog and state, and makes the parts.
func (j *job) prepare(ctx context.Context, catalogFile string, parseCatalog catalogParser, stateFile string, parseState stateParser) error {
	j.began = time.Now()
	j.connect()
	var err error
	if j.columns, err = columnsOf(ctx, j.cfg, j.client); err != nil {
		return err
	}
	known := map[string]*tap.Stream{}
	lookup := func(name string) *tap.Stream {
		if s, ok := known[name]; ok {
			return s
		}
		var stream *tap.Stream
		if loaded, err := schemas.Load(name); err == nil && name != "" {
			stream = loaded[0]
		}
		known[name] = stream
		return stream
	}
	if j.selections, err = j.selection(catalogFile, parseCatalog, lookup); err != nil {
		return err
	}
	for _, sel := range j.selections {
		sel.NewColumns, sel.NullOdd = j.cfg.NewColumns, j.cfg.TypeChanges == "null"
		sel.NoDeletes = j.failScope && sel.FullTable // the platform replaces the whole table
		sel.Unknown, sel.Key, sel.Policy = j.cfg.Policy.Unknown(), j.cfg.Policy.Key(), j.cfg.Policy.Mark()
		j.columns.Apply(sel)
	}
	j.state = tap.NewState()
	if stateFile == "" {
		return nil
	}
	data, err := j.input(j.cfg.File).ReadFile(stateFile)
	if err != nil {
		return &tap.Error{Kind: tap.BadInput, Op: "state " + stateFile, Err: err}
	}
	if j.state, err = parseState(data, lookup); err != nil {
		return &tap.Error{Kind: tap.BadInput, Op: "state " + stateFile, Err: config.Placed(err, data, stateFile)}
	}
	j.compare()
	return nil
}

// compare warns where the state was made by another user, or from a later start date: rows that
// only now can be seen may be older than the bookmark.
func (j *job) compare() {
	for _, note := range j.state.Notes {
		j.log.Warn(note)
	}
	mark := j.cfg.ReadAs()
	var others, later, treated []string
	for _, sel := range j.selections {
		b := j.state.Of(sel.Stream.Name)
		if b.ReadAs != "" && b.ReadAs != mark {
			others = append(others, sel.Stream.Name)
		}
		if b.Policy != j.cfg.Policy.Mark() && (!b.Until.IsZero() || b.Progress != nil || !b.Complete.IsZero()) {
			treated = append(treated, sel.Stream.Name)
		}
		if !b.Start.IsZero() && j.cfg.Start.Before(b.Start) {
			later = append(later, sel.Stream.Name)
		}
	}
	const how = "; for a fresh read, remove their bookmarks from the state"
	if len(others) > 0 {
		j.log.Warn("the credential or user_id is not the one that the state was read with: rows that only this user can see may be missing where they are older than the bookmark"+how,
			"streams", strings.Join(others, ", "))
	}
	if len(treated) > 0 {
		j.log.Warn("the policy for personal data, or its key, has changed: rows that were loaded before keep their old values"+how, "streams", strings.Join(treated, ", "))
	}
	if len(later) > 0 {
		j.log.Warn("start_date is earlier than the one that the state was read with: rows last updated between the two are missing"+how, "streams", strings.Join(later, ", "))
	}
}

func (j *job) selection(file string, parse catalogParser, lookup func(string) *tap.Stream) ([]*tap.Selection, error) {
	if file == "" {
		names := j.cfg.Names
		if len(names) == 0 {
			names = schemas.Names()
		}
		var selections []*tap.Selection
		for _, name := range names {
			s := lookup(name)
			if len(j.cfg.Names) == 0 && !s.SelectedByDefault() {
				continue
			}
			shape, err := j.shape(s)
			if err != nil {
				return nil, err
			}
			selections = append(selections, s.Select(shape, func(...string) bool { return true }))
		}
		return selections, nil
	}
	data, err := j.input(j.cfg.File).ReadFile(file)
	if err != nil {
		return nil, &tap.Error{Kind: tap.BadInput, Op: "catalog " + file, Err: err}
	}
	selections, err := parse(data, func(name string) (*tap.Stream, *record.Shape, error) {
		s := lookup(name)
		if s == nil {
			return nil, nil, nil
		}
		shape, err := j.shape(s)
		return s, shape, err
	})
	if err != nil {
		return nil, &tap.Error{Kind: tap.BadInput, Op: "catalog " + file, Err: config.Placed(err, data, file)}
	}
	return selections, nil
}

// shape is that of a stream's records, with the columns of custom fields and the treatment that the
// policy has for each column.
func (j *job) shape(s *tap.Stream) (*record.Shape, error) {
	deletedAt := singer.DeletedAt
	if j.failScope {
		deletedAt = airbyte.DeletedAt
	}
	return shapeOf(s, j.columns, j.cfg, deletedAt)
}

func (j *job) close() {
	if j.client != nil {
		j.client.Close()
	}
}

// run syncs, logs a summary, and returns the exit code.
func (j *job) run(ctx context.Context, out io.Writer) (int, error) {
	tuneGC()
	proof, err := schemas.Load("users")
	if err != nil {
		return exitIncomplete, err
	}
	cred := harvest.Credential{UserID: j.cfg.User()}
	j.engine = &tap.Engine{
		Source: j.client, Voice: j.voice, Out: out, Log: j.log, Concurrency: j.cfg.Concurrency, Lookback: j.cfg.Back,
		StartDate: j.cfg.Start, FailForbidden: j.failScope || j.cfg.OnForbidden == "fail", Sample: j.sample,
		Proof: proof[0], User: cred.User(), ReadAs: j.cfg.ReadAs(), Now: j.client.Now, MaxRunTime: j.cfg.RunTime, Refresh: j.cfg.Rest,
	}
	if d := j.cfg.Ledger; d != nil {
		j.engine.Deletes = &tap.Deletes{Ledger: &store.Ledger{Store: d.Store}, Every: d.Every, MaxShare: d.MaxShare, Accept: j.acceptDeletes}
	}
	if f := j.cfg.Files; f != nil {
		j.engine.Enricher = attachments.New(attachments.Options{
			Store: f.Store, Types: f.Types, MaxBytes: f.MaxBytes, Concurrency: j.cfg.Concurrency, Silence: j.cfg.Silence, UserAgent: j.cfg.Agent(Version()),
			Source: j.client, Log: j.log,
		})
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := watchReader(ctx, out, cancel)
	defer stop()
	sum, err := j.engine.Sync(ctx, j.selections, j.state)
	if err != nil && sum == nil {
		return exitCode(err, false), err
	}
	code := exitCode(err, sum.Read)
	if err == nil && slices.ContainsFunc(sum.Outcomes, func(o tap.Outcome) bool { return o.Err != nil && !o.Skipped }) {
		code = exitIncomplete
	}
	if err != nil {
		j.log.Error(err.Error())
		if kind := tap.KindOf(err); j.fatal != nil && kind != tap.Interrupted && kind != tap.LoaderGone {
			j.fatal(err)
		}
	}
	level := slog.LevelInfo
	if code != exitOK {
		level = slog.LevelError
	}
	account := j.account(sum, err, code)
	logMetrics(j.log, account)
	j.log.Log(ctx, level, j.summary(sum, time.Since(j.began)))
	if j.report != "" {
		if err := report.Write(j.report, account); err != nil {
			j.log.Error("writing the report: " + err.Error()) // the run itself is as it is
		}
	}
	return code, nil
}

// tuneGC keeps the peak memory of a sync near what lives, which is the pages in flight. The records
// cost no garbage, so that collecting early costs next to nothing (docs/performance.md has the
// figures). The sandbox is another matter: it would serve a third as fast.
func tuneGC() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(25)
	}
}

// lineWriter lets several goroutines write whole lines.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lineWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
