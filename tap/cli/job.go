package cli

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/tap-greenhouse/tap-greenhouse/tap/harvest"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/report"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// job is one sync: what to read, from where, and how to say it.
type job struct {
	*program
	cfg           *Config
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
	columns       *customColumns
	state         *tap.State
}

// prepare reads catalog and state, and makes the parts.
func (j *job) prepare(ctx context.Context, catalogFile string, parseCatalog catalogParser, stateFile string, parseState stateParser) error {
	j.began = time.Now()
	j.connect()
	var err error
	if j.columns, err = j.columnsOf(ctx, j.cfg, j.client); err != nil {
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
		sel.Unknown, sel.Key, sel.Policy = j.cfg.policy.Unknown(), j.cfg.policy.Key(), j.cfg.policy.Mark()
		j.columns.apply(sel)
	}
	j.state = tap.NewState()
	if stateFile == "" {
		return nil
	}
	data, err := j.input(j.cfg.file).read(stateFile)
	if err != nil {
		return &tap.Error{Kind: tap.BadInput, Op: "state " + stateFile, Err: err}
	}
	if j.state, err = parseState(data, lookup); err != nil {
		return &tap.Error{Kind: tap.BadInput, Op: "state " + stateFile, Err: placed(err, data, stateFile)}
	}
	j.compare()
	return nil
}

// compare warns where the state was made by another user, or from a later start date: rows that only now can be seen may be older than the bookmark.
func (j *job) compare() {
	for _, note := range j.state.Notes {
		j.log.Warn(note)
	}
	mark := j.cfg.readAs()
	var others, later, treated []string
	for _, sel := range j.selections {
		b := j.state.Of(sel.Stream.Name)
		if b.ReadAs != "" && b.ReadAs != mark {
			others = append(others, sel.Stream.Name)
		}
		if b.Policy != j.cfg.policy.Mark() && (!b.Until.IsZero() || b.Progress != nil || !b.Complete.IsZero()) {
			treated = append(treated, sel.Stream.Name)
		}
		if !b.Start.IsZero() && j.cfg.startDate.Before(b.Start) {
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
		names := j.cfg.streamNames
		if len(names) == 0 {
			names = schemas.Names()
		}
		var selections []*tap.Selection
		for _, name := range names {
			s := lookup(name)
			if len(j.cfg.streamNames) == 0 && !s.SelectedByDefault() {
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
	data, err := j.input(j.cfg.file).read(file)
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
		return nil, &tap.Error{Kind: tap.BadInput, Op: "catalog " + file, Err: placed(err, data, file)}
	}
	return selections, nil
}

// shape is that of a stream's records, with the columns of custom fields and the treatment that the policy has for each column.
func (j *job) shape(s *tap.Stream) (*record.Shape, error) {
	return j.columns.treated(s, j.cfg.policy, j.deletedAt())
}

// deletedAt is the column that tells when a row was found gone, in the words of the protocol; empty where that is off.
func (j *job) deletedAt() string {
	if j.cfg.deletes == nil {
		return ""
	}
	if j.failScope {
		return airbyte.DeletedAt
	}
	return singer.DeletedAt
}

// connect makes the client; nothing is asked for yet.
func (j *job) connect() {
	j.client = j.cfg.client(j.program, func(until time.Time) {
		if j.engine != nil {
			j.engine.Waiting(until)
		}
	}, j.rotated)
}

func (j *job) close() {
	if j.client != nil {
		j.client.Close()
	}
}

// client makes a client of the config. waiting and rotated may be nil.
func (c *Config) client(p *program, waiting func(time.Time), rotated func(token string)) *harvest.Client {
	return harvest.NewClient(harvest.Options{
		APIURL: c.apiURL, AuthURL: c.authURL, Concurrency: c.Concurrency, BudgetShare: c.budgetShare,
		RequestTimeout: c.requestTimeout, MaxRetryTime: c.maxRetryTime, UserAgent: c.agent(), Log: p.log,
		OnWait: func(until time.Time) {
			p.log.Info("the budget of requests is used up", "until", until.UTC().Format(time.TimeOnly))
			if waiting != nil {
				waiting(until)
			}
		},
		Credential: harvest.Credential{
			ClientID: c.ClientID, ClientSecret: c.ClientSecret, UserID: c.userID(), RefreshToken: c.refreshToken(), APIKey: c.APIKey,
			Ready: func() error {
				if rotated != nil || c.file == "" || len(c.RefreshTokenExec) > 0 {
					return nil // the platform keeps it
				}
				return canRewrite(c.file)
			},
			Rotated: func(token string) error {
				if len(c.RefreshTokenExec) > 0 {
					return keepToken(c.RefreshTokenExec, token)
				}
				err := rewriteToken(c.file, token)
				if rotated != nil {
					rotated(token)
					return nil // the platform keeps it; a mounted file need not be writable
				}
				return err
			},
			Reread: func() (string, error) {
				again, err := readConfig(p.input(c.file))
				if err != nil {
					return "", err
				}
				return again.RefreshToken, nil
			},
		},
	})
}

// agent is what requests say of this program.
func (c *Config) agent() string {
	if c.UserAgent != "" {
		return c.UserAgent
	}
	return tapName + "/" + Version()
}

// refreshToken is empty where an API key goes before it.
func (c *Config) refreshToken() string {
	if c.APIKey != "" {
		return ""
	}
	return c.RefreshToken
}

// run syncs, logs a summary, and returns the exit code.
func (j *job) run(ctx context.Context, out io.Writer) (int, error) {
	tuneGC()
	proof, err := schemas.Load("users")
	if err != nil {
		return exitIncomplete, err
	}
	cred := harvest.Credential{UserID: j.cfg.userID()}
	j.engine = &tap.Engine{
		Source: j.client, Voice: j.voice, Out: out, Log: j.log, Concurrency: j.cfg.Concurrency, Lookback: j.cfg.lookback,
		StartDate: j.cfg.startDate, FailForbidden: j.failScope || j.cfg.OnForbidden == "fail", Sample: j.sample,
		Proof: proof[0], User: cred.User(), ReadAs: j.cfg.readAs(), Now: j.client.Now, MaxRunTime: j.cfg.maxRunTime, Refresh: j.cfg.refresh,
	}
	if d := j.cfg.deletes; d != nil {
		j.engine.Deletes = &tap.Deletes{Ledger: &store.Ledger{Store: d.store}, Every: d.every, MaxShare: d.maxShare, Accept: j.acceptDeletes}
	}
	if opts := j.cfg.attachments; opts != nil {
		opts.Concurrency, opts.Silence, opts.UserAgent, opts.Source, opts.Log = j.cfg.Concurrency, j.cfg.requestTimeout, j.cfg.agent(), j.client, j.log
		j.engine.Enricher = attachments.New(*opts)
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
	j.log.Log(ctx, level, j.summary(sum, time.Since(j.began)))
	if j.report != "" {
		if err := report.Write(j.report, j.account(sum, err, code)); err != nil {
			j.log.Error("writing the report: " + err.Error()) // the run itself is as it is
		}
	}
	return code, nil
}

// account is what can be told of the run.
func (j *job) account(sum *tap.Summary, err error, code int) *tap.Account {
	used := j.client.Usage()
	windows, waited, retries, limited := j.client.Account()
	a := &tap.Account{
		Version: Version(), Protocol: "singer", Began: j.began.UTC(), Ended: time.Now().UTC(), ExitCode: code, Next: []string{}, Windows: windows,
		Requests: tap.RequestAccount{Lists: used.Requests, Tokens: used.Tokens, Bytes: used.Bytes, Waited: waited.Seconds(), Limited: limited},
	}
	if j.failScope {
		a.Protocol = "airbyte"
	}
	counts := map[string]int{}
	for _, o := range sum.Outcomes {
		s := tap.StreamAccount{
			Stream: o.Stream.Name, Status: o.Status(), Records: o.Records, Pages: o.Pages, Bytes: o.Bytes, Seconds: o.Took.Seconds(),
			Retries: retries(o.Stream.Name), Changes: o.Changes, Gone: o.Gone, Swept: o.Swept, NextSweep: o.NextSweep, NextRead: o.NextRead,
		}
		if o.Err != nil {
			s.Reason = o.Err.Error()
		}
		a.Requests.Retries += s.Retries
		counts[s.Status]++
		a.Streams = append(a.Streams, s)
	}
	a.Outcome, a.Next = j.outcome(sum, err, counts)
	return a
}

// outcome says in one sentence how a run ended, and what to do next.
func (j *job) outcome(sum *tap.Summary, err error, counts map[string]int) (sentence string, next []string) {
	next = []string{}
	var e *tap.Error
	switch {
	case tap.KindOf(err) == tap.Interrupted:
		sentence = fmt.Sprintf("The run was stopped: %d of %d streams are complete.", counts["complete"], len(sum.Outcomes))
	case err != nil:
		sentence = "The run failed: " + err.Error() + "."
		if errors.As(err, &e) && e.Hint != "" {
			next = append(next, upperFirst(e.Hint)+".")
		}
	case sum.Overtime:
		sentence = fmt.Sprintf("The run ended at max_run_time: %d of %d streams are complete.", counts["complete"], len(sum.Outcomes))
	case counts["failed"] > 0:
		sentence = fmt.Sprintf("%d of %d streams failed; the others are loaded.", counts["failed"], len(sum.Outcomes))
	default:
		sentence = fmt.Sprintf("All is well: %d streams are complete, %d records came out.", counts["complete"], sum.Records())
	}
	if counts["skipped"] > 0 {
		next = append(next, fmt.Sprintf("%d streams were skipped for want of a scope: tap-greenhouse scopes --probe lists them.", counts["skipped"]))
	}
	if counts["failed"] > 0 {
		next = append(next, "Look at the notes of the failed streams. What was read is safe; the next run goes on from there.")
	}
	if counts["unfinished"] > 0 {
		next = append(next, "Start again with the last state: the next run goes on where this one ended.")
	}
	return sentence, next
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// tuneGC keeps the peak memory of a sync near what lives, which is the pages in flight. The records cost no garbage, so
// that collecting early costs next to nothing (docs/performance.md has the figures). The sandbox is another matter: it
// would serve a third as fast.
func tuneGC() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(25)
	}
}

// namesInSummary is how many streams the summary names before it counts the rest.
const namesInSummary = 10

// summary says in one line how a run ended: streams, records, requests, bytes, time, what was left out, and which scopes would change that.
func (j *job) summary(sum *tap.Summary, took time.Duration) string {
	used := j.client.Usage()
	complete := 0
	var skipped, failed, unfinished, rested []string
	for _, o := range sum.Outcomes {
		name := o.Stream.Name
		switch {
		case o.Skipped:
			scope := o.Stream.Scope
			if j.columns.err != nil && errors.Is(o.Err, j.columns.err) {
				scope = j.columns.scope
			}
			skipped = append(skipped, fmt.Sprintf("%s (needs %s)", name, scope))
		case o.Err != nil:
			failed = append(failed, name)
		case o.Rested:
			rested = append(rested, name)
		case !o.Complete:
			unfinished = append(unfinished, name)
		default:
			complete++
		}
	}
	line := fmt.Sprintf("summary: %d of %d streams complete, %d records, %d requests, %.1f MB, %s", complete, len(sum.Outcomes), sum.Records(),
		used.Requests, float64(used.Bytes)/1e6, took.Round(10*time.Millisecond))
	gone := 0
	for _, o := range sum.Outcomes {
		gone += o.Gone
	}
	if gone > 0 {
		line += fmt.Sprintf("; gone from Greenhouse: %d rows", gone)
	}
	for _, part := range []struct {
		what  string
		names []string
	}{{"failed", failed}, {"not finished", unfinished}, {"left alone", rested}} {
		if len(part.names) > 0 {
			line += fmt.Sprintf("; %s: %s", part.what, list(part.names))
		}
	}
	if sum.Overtime {
		line += "; max_run_time is up"
	}
	line += "; skipped: "
	if len(skipped) == 0 {
		return line + "none"
	}
	if complete == 0 && len(failed) == 0 {
		return line + "every stream was refused; does the credential act for a Site Admin? " + list(skipped)
	}
	return line + strings.Join(skipped, ", ")
}

// list names some of many.
func list(names []string) string {
	if n := len(names) - namesInSummary; n > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:namesInSummary], ", "), n)
	}
	return strings.Join(names, ", ")
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
