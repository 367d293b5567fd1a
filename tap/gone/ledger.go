package gone

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Store keeps the ledgers of streams: for each, a file that is replaced as a whole, and a log for
// each run that has something to add.
type Store interface {
	// Load returns a stream's file, nil if there is none, and its logs.
	Load(ctx context.Context, stream string) (file []byte, logs []Log, err error)
	// Append adds bytes to the log of a run. When it returns, Load returns them. Numbers rise.
	Append(ctx context.Context, stream, run string, number uint64, data []byte) error
	// Replace stores a stream's file in one step, and then removes the logs of some runs.
	Replace(ctx context.Context, stream string, file []byte, runs []string) error
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
	token    Token           // the state's
	number   uint64          // of the latest entry of this run
	appended uint64          // of the latest one that was stored
	unsent   map[uint64]bool // entries whose rows are not written yet
	first    []byte          // what stands before the first entry
	// foreign means that another credential saw the known rows.
	foreign bool
	as      string // who sees the rows in this run
	pending []byte // entries to append with the next one
	pages   int    // of a listing, that pending has
	passes  int
	reading *Listing // the listing that the read itself is; nil if it is none
	found   Found
}

// Opening is what a state knows of a stream, and who reads it.
type Opening struct {
	Stream string
	// Nonce tells this run from others that begin at the same time.
	Nonce string
	// Passes is the number of reads that make up the list.
	Passes int
	// ReadAs is a fingerprint of the credential and user.
	ReadAs string
	// Token is the state's; zero for none. Version is that of the rows that the state knows of; 0
	// for none. Loaded reports whether the state knows of any row.
	Token   Token
	Version int64
	Loaded  bool
	Log     *slog.Logger
}

// Open loads the ledger of a stream. What entries say of rows was acknowledged by a state only if
// the state's token is not before them: other rows are unsure, and rows that were reported as gone
// are reported again. trusted is false if the ledger and the state do not belong together, so that
// nobody knows which rows are in the warehouse: the list must be read whole before anything is
// reported.
func Open(ctx context.Context, store Store, o Opening) (l *Ledger, trusted bool, err error) {
	file, logs, err := store.Load(ctx, o.Stream)
	if err != nil {
		return nil, false, err
	}
	c, err := decode(file)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w: remove it, and the tap reads the list again",
			store.Name(o.Stream), err)
	}
	fresh, run := file == nil && len(logs) == 0, c.nextRun(logs, o)
	size := c.replay(logs, o.Token)
	l = &Ledger{
		store: store, stream: o.Stream, run: run, log: o.Log, content: *c, as: o.ReadAs,
		token: o.Token, passes: o.Passes, unsent: map[uint64]bool{}, reading: newListing(o.Passes),
	}
	trusted = l.check(o, fresh, logs)
	l.foreign = !fresh && l.ReadAs != o.ReadAs
	switch {
	case fresh:
		l.header = header{l.header.Version, o.ReadAs}
		l.first = l.entry(nil, kindHeader, jsonOf(l.header))
	case !trusted:
		l.distrust()
		err = l.fold(ctx, logs, Token{})
	case size.bytes > foldBytes+len(file)/8 || size.parts > foldParts || c.legacy:
		err = l.fold(ctx, logs, o.Token)
	case len(logs) > 0 && o.Token.Run != "":
		l.first = l.entry(nil, kindAck, jsonOf(o.Token))
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

// size is that of logs.
type size struct{ bytes, parts int }

// replay adds what logs say. Entries beyond what any state has acknowledged make rows unsure.
func (c *content) replay(logs []Log, token Token) (all size) {
	slices.SortFunc(logs, func(a, b Log) int { return cmp.Compare(a.Run, b.Run) })
	acked := map[string]uint64{}
	ack := func(t Token) {
		acked[t.Run] = max(acked[t.Run], t.Number)
		if c.head.before(t) {
			c.head = t
		}
	}
	for _, log := range logs {
		all.bytes += len(log.Data)
		all.parts += log.Parts
		entries(log.Data, func(k kind, _ uint64, body []byte) bool {
			var t Token
			if k == kindAck && json.Unmarshal(body, &t) == nil {
				ack(t)
			}
			return true
		})
	}
	known := c.knows(logs, token)
	if known && !token.before(c.head) {
		ack(token)
	}
	for _, log := range logs {
		before := c.folded[log.Run]
		entries(log.Data, func(k kind, number uint64, body []byte) bool {
			if number > before {
				c.apply(k, body, number <= acked[log.Run])
				c.folded[log.Run] = max(c.folded[log.Run], number)
			}
			return true
		})
	}
	return all
}

// knows reports whether the run of a token is in this ledger, with an entry of its number.
func (c *content) knows(logs []Log, token Token) bool {
	if token.Run == "" {
		return false
	}
	last, ok := c.folded[token.Run]
	for _, log := range logs {
		if log.Run == token.Run {
			ok = true
			entries(log.Data, func(_ kind, number uint64, _ []byte) bool {
				last = max(last, number)
				return true
			})
		}
	}
	return ok && token.Number <= last
}

// apply makes the change that an entry notes.
func (c *content) apply(k kind, body []byte, acked bool) {
	switch k {
	case kindHeader:
		_ = json.Unmarshal(body, &c.header) // the checksum was right
	case kindWritten:
		rows, _ := parseRows(body)
		list := slices.Collect(rows.All())
		if !acked {
			for i := range list {
				list[i].Mark = Unsure
			}
		}
		c.rows.Put(list)
		c.reported.Delete(idsOf(list))
	case kindReported:
		rows, _ := parseRows(body)
		list := slices.Collect(rows.All())
		c.rows.Delete(idsOf(list))
		if acked {
			c.reported.Delete(idsOf(list))
		} else {
			c.reported.Put(list)
		}
	case kindForgotten:
		rows, _ := parseRows(body)
		c.rows.Delete(idsOf(slices.Collect(rows.All())))
	case kindListing:
		var p progress
		if json.Unmarshal(body, &p) == nil {
			c.listing = c.listing.add(p)
		}
	case kindDropped:
		c.listing = nil
	case kindSwept:
		var s swept
		if json.Unmarshal(body, &s) == nil {
			c.swept, c.listing = s.Began, nil
		}
	case kindAck: // it is about other entries
	}
}

func idsOf(rows []Row) []int64 {
	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids
}

// check reports whether ledger and state belong together, decides the version of the rows, and says
// what is wrong.
func (l *Ledger) check(o Opening, fresh bool, logs []Log) bool {
	warn := func(what string) bool {
		l.log.Warn(what+": the list is read whole", "stream", l.stream, "ledger",
			l.store.Name(l.stream))
		return false
	}
	version := l.header.Version
	switch {
	case o.Version != 0:
		l.header.Version = o.Version
	case version == 0:
		l.header.Version = FirstVersion
	}
	switch {
	case fresh && !o.Loaded:
		return true
	case fresh && o.Version == 0:
		return false // it was loaded before deletes was set; that is no surprise
	case fresh:
		return warn("the store of deletes is empty, although the state says that rows were loaded: rows that were deleted since then stay in the warehouse, if the store does not outlive a run")
	case !o.Loaded && o.Version == 0:
		return false // the state was lost, or is a new one: everything is read anyway
	case version != l.header.Version:
		return warn("the store of deletes belongs to another version of the stream")
	case l.legacy && o.Token.Run == "":
		return true
	case !l.knows(logs, o.Token):
		return warn("the store of deletes does not belong to this state")
	case o.Token.before(l.head):
		return warn("the store of deletes is newer than the state")
	}
	return true
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
	l.rows, l.reported, l.listing, l.swept = rows, Rows{}, nil, time.Time{}
}

// fold makes the logs part of the file.
func (l *Ledger) fold(ctx context.Context, logs []Log, token Token) error {
	if l.head.before(token) {
		l.head = token
	}
	var old []string
	for _, log := range logs {
		if log.Run == token.Run || time.Since(log.Changed) > logLife {
			old = append(old, log.Run)
		}
	}
	for len(l.folded) > maxFolded {
		oldest := ""
		for run := range l.folded {
			if oldest == "" || run < oldest {
				oldest = run
			}
		}
		delete(l.folded, oldest)
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

// write stores an entry, and those that waited for it.
func (l *Ledger) write(ctx context.Context, k kind, body []byte) error {
	l.pending = l.entry(l.pending, k, body)
	return l.flush(ctx)
}

func (l *Ledger) flush(ctx context.Context) error {
	if len(l.pending) == 0 {
		return nil
	}
	data := slices.Concat(l.first, l.pending)
	if err := l.store.Append(ctx, l.stream, l.run, l.number, data); err != nil {
		return err
	}
	l.first, l.pending, l.pages, l.appended = nil, nil, 0, l.number
	return nil
}
