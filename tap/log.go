package tap

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// SyncLog is the stream with a row for each stream of a run, and LoggedAt its column by which rows
// of later runs come later.
const (
	SyncLog  = "sync_log"
	LoggedAt = "ended_at"
)

// LogRow is a row of [SyncLog]. What is empty is null.
type LogRow struct {
	ID               string   `json:"id"`
	RunID            string   `json:"run_id"`
	Stream           string   `json:"stream"`
	StartedAt        *string  `json:"started_at"`
	EndedAt          *string  `json:"ended_at"`
	Status           string   `json:"status"`
	Reason           *string  `json:"reason"`
	Records          int      `json:"records"`
	Gone             int      `json:"gone"`
	Repaired         int      `json:"repaired"`
	Pages            int      `json:"pages"`
	Requests         int      `json:"requests"`
	Retries          int      `json:"retries"`
	Bytes            int64    `json:"bytes"`
	Seconds          float64  `json:"seconds"`
	CompleteUntil    *string  `json:"complete_until"`
	VerifiedUntil    *string  `json:"verified_until"`
	VerifiedRows     *int     `json:"verified_rows"`
	VerifiedSum      *string  `json:"verified_id_sum"`
	NewColumns       []string `json:"new_columns"`
	ChangedColumns   []string `json:"changed_columns"`
	DroppedColumns   []string `json:"dropped_columns"`
	Version          string   `json:"tap_version"`
	OrganizationID   *string  `json:"organization_id"`
	OrganizationName *string  `json:"organization_name"`
}

// LogOf returns the row of a stream. Times that are not known are now. An unfinished stream without
// an error of its own has the error that ended the run.
func (r *StreamReport) LogOf(run, version string, o Organization, now time.Time,
	ended error,
) LogRow {
	row := LogRow{
		ID: run + ":" + r.Stream, RunID: run, Stream: r.Stream, Status: r.Status,
		StartedAt: timeOrNull(orElse(r.Began, now)), EndedAt: timeOrNull(orElse(r.Ended, now)),
		Records: r.Records, Gone: r.Gone, Repaired: r.Repaired, Pages: r.Pages,
		Requests: r.Requests, Retries: r.Retries, Bytes: r.Bytes, Seconds: r.Seconds,
		CompleteUntil: timeOrNull(r.CompleteUntil), VerifiedUntil: timeOrNull(r.VerifiedUntil),
		Version: version, OrganizationID: orNull(o.ID), OrganizationName: orNull(o.Name),
		NewColumns: printableAll(r.New), DroppedColumns: printableAll(r.Dropped),
	}
	changed := slices.Clone(r.Changes)
	for _, value := range r.NewValues {
		column, _, _ := strings.Cut(value, "=")
		changed = append(changed, column)
	}
	slices.Sort(changed)
	row.ChangedColumns = slices.DeleteFunc(printableAll(slices.Compact(changed)),
		func(name string) bool { return slices.Contains(row.NewColumns, name) })
	if len(row.ChangedColumns) == 0 {
		row.ChangedColumns = nil
	}
	if !r.VerifiedUntil.IsZero() {
		row.VerifiedRows, row.VerifiedSum = r.VerifiedRows, &r.VerifiedSum
	}
	if r.Err != nil {
		ended = r.Err
	}
	if ended != nil && r.Status != Complete && r.Status != LeftAlone {
		row.Reason = orNull(Plain(ended))
	}
	return row
}

func orElse(t, or time.Time) time.Time {
	if t.IsZero() {
		return or
	}
	return t
}

func timeOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := FormatTime(t)
	return &text
}

func printableAll(names []string) []string {
	var out []string
	for _, name := range names {
		out = append(out, Printable(name))
	}
	return out
}

// AppendLog appends rows as a page of a list.
func AppendLog(dst []byte, rows []LogRow) ([]byte, error) {
	out, err := json.Marshal(rows, json.FormatNilSliceAsNull(true), jsontext.AllowInvalidUTF8(true))
	return append(dst, out...), err
}

// plainCauses say in words of this program what kind of error it was.
var plainCauses = map[Kind]string{
	Fault: "an error of the program", BadInput: "an input cannot be used",
	Credentials: "the credentials were refused", SignIn: "signing in failed",
	Rights: "the user is no Site Admin", Scope: "the scope is missing, or the user is no Site Admin",
	Refused: "refused", TooLarge: "a page is too large", Storage: "the store does not work",
	Gone: "Greenhouse has no such list", Unprocessable: "a parameter was refused",
	Network: "the network failed", Server: "the server failed",
	Unreachable: "no list has answered for long", Origin: "an answer leads to another address",
	CursorExpired: "the cursor expired", LoaderGone: "the loader went away",
	Interrupted: "the run was stopped",
}

// Plain is an error in words of this program alone, for places where personal data must not come:
// what was being done, and what kind of error it was. A cause may have words of its own that hold
// nothing else, in a method Plain.
func Plain(err error) string {
	cause := plainCauses[KindOf(err)]
	var plain interface{ Plain() string }
	if errors.As(err, &plain) {
		cause += " (" + plain.Plain() + ")"
	}
	for rest := err; ; {
		var e *Error
		if !errors.As(rest, &e) {
			return cause
		}
		if e.Op != "" {
			return Printable(e.Op) + ": " + cause
		}
		rest = e.Err
	}
}
