package singer

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// organization is the member of a state that says whose rows it is about.
const organization = "organization"

// bookmark is a stream's entry in the state, with the keys of the Singer SDK and this tap's own
// keys.
type bookmark struct {
	ReplicationKey   string `json:"replication_key,omitzero"`
	ReplicationValue string `json:"replication_key_value,omitzero"`
	tap.Bookmark
}

// foreign is the other form that taps of the Singer SDK write: a state by partitions.
type foreign struct {
	Key        string         `json:"replication_key"`
	Value      jsontext.Value `json:"replication_key_value"`
	Partitions []struct {
		Value jsontext.Value `json:"replication_key_value"`
	} `json:"partitions"`
}

// ParseState reads a state, including one of a tap built with the Singer SDK, and a whole STATE
// message. Bookmarks of streams for which lookup returns nil are passed on unchanged. Errors name
// the stream.
func ParseState(data []byte, lookup tap.Lookup) (*tap.State, error) {
	st := tap.NewState()
	var top map[string]jsontext.Value
	if err := json.Unmarshal(data, &top, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	if kind, value := top["type"], top["value"]; string(kind) == `"STATE"` && value != nil {
		top = nil
		if err := json.Unmarshal(value, &top, jsontext.AllowDuplicateNames(true)); err != nil {
			return nil, err
		}
	}
	var marks map[string]jsontext.Value
	if raw := top["bookmarks"]; raw != nil {
		if err := json.Unmarshal(raw, &marks, jsontext.AllowDuplicateNames(true)); err != nil {
			return nil, fmt.Errorf("bookmarks: %w", err)
		}
	}
	delete(top, "bookmarks")
	if raw := top[organization]; raw != nil {
		var o tap.Organization
		if json.Unmarshal(raw, &o, jsontext.AllowDuplicateNames(true)) == nil {
			st.Earlier = append(st.Earlier, o)
		}
		delete(top, organization)
	}
	st.Extra = top
	for _, name := range slices.Sorted(maps.Keys(marks)) {
		s := lookup(name)
		if s == nil {
			if st.Others == nil {
				st.Others = map[string]jsontext.Value{}
			}
			st.Others[name] = marks[name]
			continue
		}
		if marks[name].Kind() == 'n' {
			continue
		}
		b, key, err := parseBookmark(marks[name], s)
		if err != nil {
			return nil, fmt.Errorf("stream %q: %w", name, err)
		}
		if key != "" {
			st.Notes = append(st.Notes,
				fmt.Sprintf("state: the bookmark of stream %s is a value of %s, which does not tell what was updated: the stream is read from the start", name, key))
		}
		st.Bookmarks[name] = b
	}
	return st, nil
}

// parseBookmark reads a stream's entry. If it has another replication key than the stream, it is
// not used, and the key is returned.
func parseBookmark(
	raw jsontext.Value, s *tap.Stream,
) (b *tap.Bookmark, otherKey string, err error) {
	var f foreign
	if err := json.Unmarshal(raw, &f, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, "", err
	}
	if b, err = tap.ParseBookmark(raw, s); err != nil {
		return nil, "", err
	}
	if b.Until, err = parseValue(f.Value); err != nil {
		return nil, "", err
	}
	// A stream that was read in partitions is complete up to where the slowest one stopped.
	parts := make([]time.Time, len(f.Partitions))
	for i, p := range f.Partitions {
		if parts[i], err = parseValue(p.Value); err != nil {
			return nil, "", err
		}
	}
	if len(f.Value) == 0 {
		b.Until = tap.Slowest(parts)
	}
	if f.Key != "" && f.Key != s.Bookmark && !b.Until.IsZero() {
		b.Until = time.Time{}
		return b, f.Key, nil
	}
	return b, "", nil
}

// parseValue reads the time of a bookmark; zero for none.
func parseValue(raw jsontext.Value) (time.Time, error) {
	if len(raw) == 0 || raw.Kind() == 'n' {
		return time.Time{}, nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return time.Time{}, fmt.Errorf("replication_key_value %s is not a time", raw)
	}
	t, err := tap.ParseTime(text)
	if err != nil {
		return time.Time{}, fmt.Errorf("replication_key_value: %w", err)
	}
	return t, nil
}

// stateCache keeps the JSON of unchanged bookmarks.
type stateCache struct {
	json map[string][]byte
}

func (c *stateCache) forget(stream string) { delete(c.json, stream) }

func (c *stateCache) append(dst []byte, st *tap.State) []byte {
	if c.json == nil {
		c.json = map[string][]byte{}
	}
	dst = append(dst, `{"bookmarks":{`...)
	sep := ""
	member := func(name string, value []byte) {
		dst = append(dst, sep...)
		dst = appendJSON(dst, name)
		dst = append(dst, ':')
		dst = append(dst, value...)
		sep = ","
	}
	names := st.Streams()
	for _, name := range names {
		text, ok := c.json[name]
		if !ok {
			text = appendJSON(nil, toBookmark(st.Bookmarks[name]))
			c.json[name] = text
		}
		if len(text) > len("{}") {
			member(name, text)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(st.Others)) {
		member(name, st.Others[name])
	}
	dst = append(dst, '}')
	if st.Organization != (tap.Organization{}) {
		sep = ","
		member(organization, appendJSON(nil, st.Organization))
	}
	for _, name := range slices.Sorted(maps.Keys(st.Extra)) {
		sep = ","
		member(name, st.Extra[name])
	}
	return append(dst, '}')
}

func toBookmark(b *tap.Bookmark) bookmark {
	out := bookmark{Bookmark: *b}
	if !b.Until.IsZero() {
		out.ReplicationKey = "updated_at"
		out.ReplicationValue = tap.FormatTime(b.Until)
	}
	return out
}
