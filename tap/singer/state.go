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
	tap.Extra
}

// foreign is the other form that taps of the Singer SDK write: a state by partitions.
type foreign struct {
	Key        string         `json:"replication_key"`
	Value      jsontext.Value `json:"replication_key_value"`
	Partitions []struct {
		Value jsontext.Value `json:"replication_key_value"`
	} `json:"partitions"`
}

// ParseState reads a state, including one of a tap built with the Singer SDK, a whole STATE
// message, and what `meltano state get` prints. Bookmarks of streams for which lookup returns nil
// are passed on unchanged. Errors name the stream.
func ParseState(data []byte, lookup tap.Lookup) (*tap.State, error) {
	st := tap.NewState()
	top, err := unwrapped(data)
	if err != nil {
		return nil, err
	}
	var marks map[string]jsontext.Value
	raw, found := top["bookmarks"]
	if _, ok := top[syncing]; ok {
		top[syncing] = jsontext.Value("null") // of that other run
	} else if !found && len(top) > 0 || found && raw.Kind() != '{' && raw.Kind() != 'n' {
		st.Notes = append(st.Notes,
			"state: it has no bookmarks in a form that is known: all streams are read from the start")
	}
	if raw.Kind() == '{' {
		if err := json.Unmarshal(raw, &marks, jsontext.AllowDuplicateNames(true)); err != nil {
			return nil, fmt.Errorf("bookmarks: %w", err)
		}
	}
	delete(top, "bookmarks")
	st.Earlier = takeOrganization(top)
	st.Extra = top
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(marks)) {
		s := lookup(name)
		if s == nil {
			if st.Others == nil {
				st.Others = map[string]jsontext.Value{}
			}
			st.Others[name] = marks[name]
			continue
		}
		switch marks[name].Kind() {
		case 'n':
			continue
		case '{':
		default:
			unknown = append(unknown, name)
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
		if key == "" && b.Until.IsZero() && s.Bookmark != "" && !tap.Understood(marks[name],
			"replication_key", "partitions", "starting_replication_value", "progress_markers",
			"replication_key_signpost") {
			unknown = append(unknown, name)
		}
		st.Bookmarks[name] = b
	}
	st.NoteUnknown(unknown)
	return st, nil
}

// unwrapped returns the members of a state, without the message or the object around it.
func unwrapped(data []byte) (top map[string]jsontext.Value, err error) {
	if err := json.Unmarshal(data, &top, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	value := top["singer_state"] // as Meltano keeps it
	if string(top["type"]) == `"STATE"` && top["value"] != nil {
		value = top["value"]
	}
	if value == nil {
		return top, nil
	}
	top = nil
	err = json.Unmarshal(value, &top, jsontext.AllowDuplicateNames(true))
	return top, err
}

// takeOrganization removes the organization from a state and returns it; none if it says none that
// can be read.
func takeOrganization(top map[string]jsontext.Value) []tap.Organization {
	raw := top[organization]
	delete(top, organization)
	var o tap.Organization
	if raw == nil || json.Unmarshal(raw, &o, jsontext.AllowDuplicateNames(true)) != nil {
		return nil
	}
	return []tap.Organization{o}
}

// syncing is where taps built with singer-python say which stream they are reading.
const syncing = "currently_syncing"

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
	if b.Until, err = parseValue("replication_key_value", f.Value); err != nil {
		return nil, "", err
	}
	if len(f.Value) == 0 && len(f.Partitions) == 0 && s.Bookmark != "" {
		b.Until, err = parseColumn(raw, s.Bookmark)
		return b, "", err
	}
	// A stream that was read in partitions is complete up to where the slowest one stopped.
	parts := make([]time.Time, len(f.Partitions))
	for i, p := range f.Partitions {
		if parts[i], err = parseValue("replication_key_value", p.Value); err != nil {
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

// parseColumn reads the bookmark of a tap built with singer-python, which is named after its
// column.
func parseColumn(raw jsontext.Value, column string) (time.Time, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members, jsontext.AllowDuplicateNames(true)); err != nil {
		return time.Time{}, err
	}
	return parseValue(column, members[column])
}

// parseValue reads the time of a bookmark; zero for none.
func parseValue(name string, raw jsontext.Value) (time.Time, error) {
	if len(raw) == 0 || raw.Kind() == 'n' {
		return time.Time{}, nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return time.Time{}, fmt.Errorf("%s %s is not a time", name, raw)
	}
	t, err := tap.ParseTime(text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", name, err)
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
			if !st.Bookmarks[name].Empty() {
				text = appendJSON(nil, toBookmark(st.Bookmarks[name]))
			}
			c.json[name] = text
		}
		if text != nil {
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
	out := bookmark{Extra: b.Extra()}
	if !b.Until.IsZero() {
		out.ReplicationKey = "updated_at"
		out.ReplicationValue = tap.FormatTime(b.Until)
	}
	return out
}
