package gone

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Store keeps the ledgers of streams: for each, a file that is replaced as a whole, and a log for
// each run that has something to add.
type Store interface {
	// Load returns a stream's file, nil if there is none, and its logs.
	Load(ctx context.Context, stream string) (file []byte, logs []Log, err error)
	// Append adds bytes to the log of a run. When it returns, Load returns them. Numbers rise.
	Append(ctx context.Context, stream, run string, number uint64, data []byte) error
	// Replace stores a stream's file in one step, and then removes some logs, as they were loaded:
	// what their runs have appended since stays.
	Replace(ctx context.Context, stream string, file []byte, logs []Log) error
	// Name says where a stream's ledger is.
	Name(stream string) string
	// Slow reports whether each call costs a request to a server.
	Slow() bool
}

// Log is what a run appended.
type Log struct {
	Run     string
	Data    []byte
	Changed time.Time // when it was last appended to
	Parts   int       // how many files it has
	Last    string    // names the last part for the store
}

// FirstVersion is the version of the rows of a stream that nothing is known of. It is always the
// same, so that rows which two first runs write, or which a run wrote before state and ledger were
// lost, have the same version: activating it deletes none of them.
const FirstVersion = 2

// Ledger is the ledger of one stream in one run. It is safe for concurrent use.
type Ledger struct {
	store  Store
	stream string
	run    string
	log    *slog.Logger

	mu sync.Mutex
	content
	token     Token              // the state's
	number    uint64             // of the latest entry of this run
	appended  uint64             // of the latest one that was stored
	unwritten map[uint64][]int64 // the rows of entries that are not written yet, the highest first
	first     []byte             // what stands before the first entry
	// foreign means that another credential saw the known rows.
	foreign  bool
	as       string // who sees the rows in this run
	initial  bool   // nothing was delivered before this run
	older    func(record.Row) bool
	broken   error  // of an append, that may have left a part of an entry
	pending  []byte // entries to append with the next one
	pages    int    // of a listing, that pending has
	passes   int
	fromRead *Listing // the listing that the run's read is; nil if it is none
	found    Found
	newest   newest
}

// Opening is what a state knows of a stream, and who reads it.
type Opening struct {
	Stream string
	// Nonce tells this run from others that begin at the same time.
	Nonce string
	// Passes is the number of passes that make up the list.
	Passes int
	// ReadAs is a fingerprint of the credential and user.
	ReadAs string
	// Token is the state's; zero for none. Version is that of the rows that the state knows of; 0
	// for none. Loaded reports whether the state knows of any row.
	Token   Token
	Version int64
	Loaded  bool
	// Older reports whether a row that was never delivered is left out on purpose, since it last
	// changed before the start date; nil for none.
	Older func(record.Row) bool
	Log   *slog.Logger
}

// Open loads the ledger of a stream. What entries say of rows was acknowledged by a state only if
// the state's token is not before them: other rows are unsure, and rows that were reported as gone
// are reported again. trusted is false if the ledger and the state do not belong together, so that
// nobody knows which rows are in the warehouse: the list must be read whole before anything is
// reported.
func Open(ctx context.Context, store Store, o Opening) (l *Ledger, trusted bool, err error) {
	in, err := load(ctx, store, o)
	if err != nil {
		return nil, false, err
	}
	l = &Ledger{
		store: store, stream: o.Stream, run: in.nextRun(in.logs, o), log: o.Log,
		content: *in.content, as: o.ReadAs, token: o.Token, passes: o.Passes,
		unwritten: map[uint64][]int64{}, fromRead: newListing(o.Passes), older: o.Older,
	}
	if l.older == nil {
		l.older = func(record.Row) bool { return false }
	}
	trusted = in.trusted
	if !trusted && in.why != "" {
		o.Log.Warn(in.why+": the list is read whole", "stream", o.Stream, "ledger",
			store.Name(o.Stream))
	}
	logs, size := in.logs, in.size
	l.foreign = !in.fresh && l.ReadAs != o.ReadAs
	switch {
	case in.fresh:
		l.header, l.initial = header{l.header.Version, o.ReadAs}, trusted
		l.first = l.entry(nil, kindHeader, toJSON(l.header))
		return l, trusted, nil
	case !trusted:
		l.distrust()
		err = l.fold(ctx, logs, Token{})
	case size.bytes > foldBytes+in.file/8 || size.parts > foldParts:
		err = l.fold(ctx, logs, o.Token)
	}
	a := ack{Seen: map[string]uint64{}}
	if trusted {
		a.Token = o.Token
	}
	for _, log := range logs {
		a.Seen[log.Run] = lastNumber(log)
	}
	l.first = l.entry(nil, kindAck, toJSON(a))
	if l.foreign {
		// What this run writes, the other credential may not see: from then on the rows are of both,
		// until a sweep has forgotten those that one of them does not see.
		l.ReadAs = ""
		l.first = l.entry(l.first, kindHeader, toJSON(l.header))
	}
	if l.listing != nil && (l.foreign || len(l.listing.Passes) != o.Passes) {
		// One half of it would show what another credential sees, or was made by another release.
		l.listing = nil
		l.pending = l.entry(l.pending, kindDropped, nil)
	}
	return l, trusted, err
}

const (
	// foldBytes and foldParts are how large logs may grow before they become part of the file.
	foldBytes = 64 << 10
	foldParts = 40
	// logLife is how long the log of another run is kept, which may still be running.
	logLife = time.Hour
)

// nextRun names a run: it sorts behind all that are known.
func (c *content) nextRun(logs []Log, o Opening) string {
	last := max(c.head.Run, o.Token.Run)
	for run := range c.folded {
		last = max(last, run)
	}
	for _, log := range logs {
		last = max(last, log.Run)
	}
	count, _, _ := strings.Cut(last, "-")
	n, err := strconv.ParseUint(count, 10, 32)
	if err != nil {
		n = 0 // of another program: its name says nothing
	}
	return fmt.Sprintf("%08d-%s", n+1, o.Nonce)
}

// loaded is a ledger as a state sees it.
type loaded struct {
	*content
	logs  []Log
	size  size
	file  int  // its length in bytes
	fresh bool // nothing is noted in the store
	// trusted means that ledger and state belong together. why says what is wrong if they do not,
	// and that is a surprise.
	trusted bool
	why     string
}

// load loads the ledger of a stream, and decides the version of the rows.
func load(ctx context.Context, store Store, o Opening) (*loaded, error) {
	file, logs, err := store.Load(ctx, o.Stream)
	if err != nil {
		return nil, err
	}
	c, err := decode(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: remove it, and the tap reads the list again",
			store.Name(o.Stream), err)
	}
	in := &loaded{content: c, logs: logs, file: len(file)}
	// A log without a whole entry is of a run that was killed before it wrote a row.
	in.fresh = file == nil && !slices.ContainsFunc(logs, func(l Log) bool { return lastNumber(l) > 0 })
	in.size = c.replay(logs, o.Token)
	version := c.Version
	switch {
	case o.Version != 0:
		c.Version = o.Version
	case version == 0:
		c.Version = FirstVersion
	}
	in.trusted, in.why = in.belongs(o, version)
	return in, nil
}

// belongs reports whether ledger and state belong together, and says what is wrong.
func (in *loaded) belongs(o Opening, version int64) (ok bool, why string) {
	switch {
	case in.fresh && !o.Loaded:
		return true, ""
	case in.fresh && o.Version == 0:
		return false, "" // it was loaded before deletes was set; that is no surprise
	case in.fresh:
		return false, "the store of deletes is empty, although the state says that rows were loaded: rows that were deleted since then stay in the warehouse, if the store does not outlive a run"
	case !o.Loaded && o.Version == 0:
		return false, "" // the state was lost, or is a new one: everything is read anyway
	case version != in.Version:
		return false, "the store of deletes belongs to another version of the stream"
	case in.legacy:
		return false, "the store of deletes is of an older release, which did not note what was delivered of a row"
	case in.gap:
		return false, "the store of deletes lacks entries"
	case !in.knows(in.logs, o.Token):
		return false, "the store of deletes does not belong to this state"
	case o.Token.before(in.head):
		return false, "the store of deletes is newer than the state"
	}
	return true, ""
}

// distrust makes all rows unsure, and rows that were reported known.
func (l *Ledger) distrust() {
	var rows Rows
	var list []Row
	for row := range l.rows.All() {
		list = append(list, Row{row.ID, Unsure})
	}
	rows.Put(list)
	list = list[:0]
	for row := range l.reported.All() {
		list = append(list, Row{row.ID, Unsure})
	}
	rows.Put(list)
	l.rows, l.reported, l.listing, l.swept, l.length = rows, Rows{}, nil, time.Time{}, 0
}

// fold makes the logs part of the file.
func (l *Ledger) fold(ctx context.Context, logs []Log, token Token) error {
	if l.head.before(token) {
		l.head = token
	}
	var old []Log
	kept := map[string]bool{}
	for _, log := range logs {
		if log.Run == token.Run || time.Since(log.Changed) > logLife {
			old = append(old, log)
		} else {
			kept[log.Run] = true
		}
	}
	for _, run := range slices.Sorted(maps.Keys(l.folded)) {
		if len(l.folded) > maxFolded && !kept[run] {
			delete(l.folded, run)
		}
	}
	return l.store.Replace(ctx, l.stream, l.encode(), old)
}

// maxFolded is the number of runs that a file remembers.
const maxFolded = 64

// entry appends an entry of this run.
func (l *Ledger) entry(dst []byte, k kind, body []byte) []byte {
	l.number++
	return appendEntry(dst, k, l.number, body)
}

// save stores an entry, and those that waited for it.
func (l *Ledger) save(ctx context.Context, k kind, body []byte) error {
	l.pending = l.entry(l.pending, k, body)
	return l.flush(ctx)
}

func (l *Ledger) flush(ctx context.Context) error {
	if len(l.pending) == 0 {
		return nil
	}
	if l.broken != nil {
		return l.broken // nobody could read what follows a part of an entry
	}
	data := slices.Concat(l.first, l.pending)
	if err := l.store.Append(ctx, l.stream, l.run, l.number, data); err != nil {
		l.broken = err
		return err
	}
	l.first, l.pending, l.pages, l.appended = nil, nil, 0, l.number
	return nil
}
