package greenhouse

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/attachments"
	"github.com/tap-greenhouse/tap-greenhouse/tap/contract"
	"github.com/tap-greenhouse/tap-greenhouse/tap/custom"
	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
)

// Read says what a run reads, and in which protocol. The zero value reads the streams named in the
// config, from the start, as Singer messages.
type Read struct {
	Protocol *Protocol // nil for [Singer]
	// Catalog selects streams and columns; nil for the streams of the config. CatalogName is its
	// source, for errors.
	Catalog     []byte
	CatalogName string
	// State is the last state of an earlier run; nil for a first run. StateName is its source, for
	// errors.
	State     []byte
	StateName string
	// Sample reads one record of each stream and writes no state.
	Sample bool
	// AcceptDeletes are streams of which any number of rows may be gone in this run.
	AcceptDeletes []string
	// Verify compares all streams with what was delivered, whether that is due or not.
	Verify bool
	// AcceptOrganization continues from a state of another organization.
	AcceptOrganization bool
	// Contract is the agreed schema, as [Account.Contract] writes it; nil for none. The report of
	// the run says what differs from it. ContractName is its source, for errors.
	Contract     []byte
	ContractName string
	// Refresh are streams, globs allowed, that are read from the start whatever the state says.
	Refresh []string
	// Grace is how long [Run.Do] may take to write its last messages once its context has ended; 0
	// for a little less than a second.
	Grace time.Duration
}

// Run is a run that is ready to start.
type Run struct {
	*Account
	read       Read
	engine     *engine.Engine
	queries    []*tap.Query
	columns    *custom.Columns
	contract   *contract.Contract // nil for none
	state      *tap.State
	id         string // tells the run from all others
	began      time.Time
	identified bool
	anew       map[string]bool // streams to read from the start
	done       atomic.Bool     // Do was called
}

// Prepare checks catalog and state, and prepares a run. It makes requests only for columns of
// custom fields, whose definitions it reads, and to compare the organization of a state with the
// credential's.
func (a *Account) Prepare(ctx context.Context, read Read) (*Run, error) {
	if read.Protocol == nil {
		read.Protocol = Singer
	}
	began := time.Now()
	r := &Run{
		Account: a, read: read, began: began, id: runID(began),
		state: tap.NewState(), anew: map[string]bool{},
	}
	err := a.cfg.CheckCredential(a.opts.KeepToken != nil)
	if err != nil {
		return nil, err
	}
	lookup := lookupOf()
	if err := r.readState(ctx, lookup); err != nil {
		return nil, err
	}
	if err := r.readContract(); err != nil {
		return nil, err
	}
	if err := r.choose(ctx, lookup, a.columns); err != nil {
		return nil, err
	}
	if len(r.queries) == 0 && !read.Protocol.platform {
		return nil, tap.Errorf(tap.BadInput, "catalog "+read.CatalogName, "it selects no stream").
			WithHint("set \"selected\": true in the metadata of the streams to read")
	}
	if read.State != nil {
		r.compare()
	}
	if err := r.checkDeletes(); err != nil {
		return nil, err
	}
	if err := r.refresh(); err != nil {
		return nil, err
	}
	r.engine, err = r.makeEngine()
	return r, err
}

// checkDeletes checks what was asked of deletes for this run.
func (r *Run) checkDeletes() error {
	if r.read.Verify && r.cfg.Deletes == nil {
		return tap.Errorf(tap.BadInput, "--verify", "deletes is not set").
			WithHint("set deletes.store in the config: what was delivered is kept there")
	}
	for _, name := range r.read.AcceptDeletes {
		if !slices.ContainsFunc(r.queries,
			func(s *tap.Query) bool { return s.Stream.Name == name }) {
			return tap.Errorf(tap.BadInput, "--accept-deletes", "%q is no selected stream", name)
		}
	}
	return nil
}

// identify asks once whose the credential is, and makes the state that organization's; an error
// means that it is another's. If signing in fails, so does the run, with that error.
func (r *Run) identify(ctx context.Context) error {
	if r.identified {
		return nil
	}
	r.identified = true
	if _, err := r.introspect(ctx, r.client); err != nil {
		r.client.FailNext(err)
	}
	who := r.Identity()
	if admin, known := who.SiteAdmin(); known && !admin {
		r.opts.Log.Warn("the user is no Site Admin, so lists may be refused or empty", "user",
			who.User, "role", who.Role)
	}
	if r.read.AcceptOrganization {
		r.state.Accept(who.Organization)
		return nil
	}
	return r.state.Belongs(who.Organization)
}

// schedule says when a stream may be left alone.
func (r *Run) schedule(stream string) progress.Schedule {
	return progress.Schedule{
		RefreshEvery: r.cfg.RefreshEvery.Of(stream), MaxStaleness: r.cfg.MaxStaleness,
	}
}

// makeEngine connects the parts.
func (r *Run) makeEngine() (*engine.Engine, error) {
	proof, err := schemas.Load("users")
	if err != nil {
		return nil, err
	}
	cfg := r.cfg
	e := &engine.Engine{
		Source: r.client, Voice: r.read.Protocol.voice(), Log: r.opts.Log,
		Concurrency: cfg.Concurrency, Lookback: cfg.Lookback, StartDate: cfg.StartDate,
		FailForbidden: r.read.Protocol.platform || cfg.OnForbidden == "fail", Sample: r.read.Sample,
		Proof: proof[0], User: r.credential().User(),
		ReadAs: cfg.ReadAs(), Now: r.client.Now, MaxRunTime: cfg.MaxRunTime,
		ID: r.id, Version: r.opts.Version, UsedBy: r.client.UsedBy,
		NewColumns: cfg.NewColumns, TypeChanges: cfg.TypeChanges,
		PrivacyKey: cfg.Policy.Key(), Policy: cfg.Policy.Fingerprint(),
		ReplacesTables: r.read.Protocol.platform,
		Schedule:       r.schedule, Refresh: func(stream string) bool { return r.anew[stream] },
	}
	if d := cfg.Deletes; d != nil {
		e.Deletes = &engine.Deletes{
			Store: ledgers{d.Store}, Every: d.Every, MaxShare: d.MaxShare,
			Accept: r.read.AcceptDeletes, Verify: r.read.Verify, Nonce: nonce(),
		}
	}
	if f := cfg.Attachments; f != nil {
		e.Enricher = attachments.New(attachments.Options{
			Store: f.Store, Types: f.Types, MaxBytes: f.MaxBytes, Concurrency: cfg.Concurrency,
			RequestTimeout: cfg.RequestTimeout, MaxRetryTime: cfg.MaxRetryTime, Local: cfg.Local(),
			UserAgent: cfg.Agent(r.opts.Version), Source: r.client, Log: r.opts.Log,
		})
	}
	return e, nil
}

// Schemas returns the schema messages of the selected streams, before any row is read. The error is
// that of the first stream which does not exist.
func (r *Run) Schemas() (out []byte, err error) {
	for _, q := range r.queries {
		switch {
		case q.Shape != nil:
			out = r.engine.Voice.Append(out, tap.Schema{Query: q, Shape: q.Shape})
		case err == nil:
			err = q.Err
		}
	}
	return out, err
}

// Snapshot returns the progress of the run; nil if it is not under way.
func (r *Run) Snapshot() *tap.Report {
	streams := r.engine.Snapshot()
	if streams == nil {
		return nil
	}
	return r.report(&tap.Report{Streams: streams}, nil, ExitOK)
}

// fails reports whether a stream makes the run's exit code 1: it failed, it differs from the
// contract where that is a failure, or it had to be verified and was not.
func (r *Run) fails(s tap.StreamReport) bool {
	return s.Status == tap.Failed || len(s.Differences) > 0 && r.cfg.ContractChanges == "fail" ||
		r.read.Verify && s.Status != tap.Skipped && s.VerifiedUntil.IsZero() && s.Stream != tap.SyncLog
}

// stopped returns the error of a run whose context a signal has ended: if the signal ended the
// loader, too, that is no failure of its own.
func stopped(err, cause error) error {
	var signal *tap.Error
	if tap.KindOf(err) != tap.LoaderGone || tap.KindOf(cause) != tap.Interrupted ||
		!errors.As(cause, &signal) {
		return err
	}
	return &tap.Error{
		Kind: tap.Interrupted, Op: signal.Op, Err: signal.Err,
		Hint: "the next run continues from the last state that the loader has stored",
	}
}
