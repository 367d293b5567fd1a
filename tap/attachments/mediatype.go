package attachments

import (
	"mime"
	"regexp"
	"strings"
)

// charsets are the names of character sets, by their families.
var charsets = regexp.MustCompile(`(?i)^(utf-?(8|16|32)([bl]e)?|us-ascii|(iso|windows|koi8|euc|cp|gb|big5|shift_jis|macintosh)([-_0-9]*|-[a-z]{1,2}))$`)

// mediaType returns the media type in a Content-Type header, with a character set if there is one.
// Other parameters are left out: name is that of the file, which may be dropped from the record.
func mediaType(header string) string {
	kind, params, err := mime.ParseMediaType(header)
	if kind == "" && err != nil {
		bare, _, _ := strings.Cut(header, ";")
		kind, params, _ = mime.ParseMediaType(bare)
	}
	if !strings.Contains(kind, "/") {
		return "application/octet-stream"
	}
	if charset := params["charset"]; charsets.MatchString(charset) {
		return kind + "; charset=" + strings.ToLower(charset)
	}
	return kind
}
