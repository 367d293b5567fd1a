package harvest

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// statusError is an answer with an unexpected status.
type statusError struct {
	code  int
	text  string // what its body says, without secrets: for decisions only, as it may hold anything
	shown string // what of that may be shown
	html  bool
	// params are the parameters that it names as refused
	params []string
}

func (e *statusError) Error() string {
	s := e.Plain()
	if e.shown != "" {
		s += ": " + e.shown
	}
	return s
}

// Plain is the status alone.
func (e *statusError) Plain() string {
	return fmt.Sprintf("%d %s", e.code, http.StatusText(e.code))
}

// maxShown is the maximum length of what is shown of a body, in characters.
const maxShown = 300

// refusal reads an unsuccessful answer to a request.
func (c *Client) refusal(asked *url.URL, answer *http.Response, body []byte) *statusError {
	// Secrets are removed before the text is shortened: half a secret is one, too.
	text := strings.TrimSpace(c.secrets.clean(string(body)))
	e := &statusError{code: answer.StatusCode, text: text, html: strings.HasPrefix(text, "<")}
	if e.code == http.StatusUnprocessableEntity || e.code == http.StatusBadRequest {
		e.params = refusedParams(body)
	}
	phrases := says([]byte(text))
	for i := range phrases {
		phrases[i] = withoutValues(c.secrets.clean(phrases[i]))
		if c.opts.Discreet {
			phrases[i] = knownWords(phrases[i], asked.Query())
		}
	}
	e.shown = tap.Printable(strings.Join(phrases, "; "))
	if runes := []rune(e.shown); len(runes) > maxShown {
		e.shown = string(runes[:maxShown]) + "…"
	}
	return e
}

// says returns what the known members of an error's body say. A member can be a text, a list of
// such, or an object of which only the names of members count: they are parameters, and their
// values may repeat anything. All other members are ignored.
func says(body []byte) []string {
	var b struct {
		Message     jsontext.Value `json:"message"`
		Errors      jsontext.Value `json:"errors"`
		Error       jsontext.Value `json:"error"`
		Description jsontext.Value `json:"error_description"`
	}
	if json.Unmarshal(body, &b, jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true)) != nil {
		return nil
	}
	var phrases []string
	for _, member := range []jsontext.Value{b.Message, b.Error, b.Description, b.Errors} {
		phrases = append(phrases, texts(member)...)
	}
	return phrases
}

func texts(v jsontext.Value) []string {
	var phrases []string
	switch v.Kind() {
	case '"':
		var text string
		if json.Unmarshal(v, &text, jsontext.AllowInvalidUTF8(true)) == nil && text != "" {
			phrases = append(phrases, strings.Join(strings.Fields(text), " "))
		}
	case '[':
		var items []jsontext.Value
		_ = json.Unmarshal(v, &items) // it was read before
		for _, item := range items {
			phrases = append(phrases, texts(item)...)
		}
	case '{':
		dec := jsontext.NewDecoder(strings.NewReader(string(v)))
		_, _ = dec.ReadToken() // it was read before
		for dec.PeekKind() == '"' {
			name, err := dec.ReadToken()
			if err != nil {
				break
			}
			phrases = append(phrases, name.String())
			if dec.SkipValue() != nil {
				break
			}
		}
	}
	return phrases
}

// values are the parts of a text that repeat what was sent or found: what follows the name of a
// parameter, what is quoted or in brackets, addresses and numbers.
var values = regexp.MustCompile(`=\s*[^\s,;]+|"[^"]*"|'[^']*'|` + "`[^`]*`" + `|<[^>]*>|\{.*\}|\[.*\]|\S*[@\d]\S*`)

func withoutValues(text string) string {
	return values.ReplaceAllStringFunc(text, func(value string) string {
		if strings.HasPrefix(value, "=") {
			return "=…"
		}
		return "…"
	})
}

// plainWords are the words of the API's own messages.
var plainWords = wordSet(`a account an and any application are array at authorized bad be been cannot client content
	contain cursor date does error expired feature fields for forbidden found has have id in internal invalid is
	invalid_client invalid_grant invalid_request invalid_scope limit list many maximum message method minimum missing must
	not of on only or page param parameter parameters params per permission permitted query rate request requested
	requesting required requests requires resource scope scopes server service suffix temporarily than that the this time
	to token too try unauthorized unauthorized_client unavailable unknown unprocessable unprocessable_entity unsupported
	unsupported_grant_type user valid value with you your`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(text) {
		set[word] = true
	}
	return set
}

// knownWords returns a text in which only words of the API's own messages, and names of what was
// asked for, are left.
func knownWords(text string, asked url.Values) string {
	names := map[string]bool{}
	for name := range asked {
		names[name] = true
	}
	for _, column := range strings.Split(asked.Get("fields"), ",") {
		names[column] = true
	}
	var out []string
	for _, word := range strings.Fields(text) {
		bare := strings.Trim(word, ".,:;!?()=…")
		if names[bare] || plainWords[strings.ToLower(bare)] {
			out = append(out, word)
		} else if len(out) == 0 || out[len(out)-1] != "…" {
			out = append(out, "…")
		}
	}
	return strings.Join(out, " ")
}
