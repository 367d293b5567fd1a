package attachments

import (
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The maximum length of a safe name, in bytes, of which file systems allow 255, and of an extension
// with its dot. What is longer is no extension.
const (
	maxName = 180
	maxExt  = 12
)

// device matches a name that Windows reserves, whatever follows its first dot.
var device = regexp.MustCompile(`^(?i:con|prn|aux|nul|(?:com|lpt)[0-9¹²³])(?:\.|$)`)

// SafeName turns the name of an uploaded file into one that every file system and store accepts. It
// stays within its folder, does not begin with a dot, and keeps the extension. If nothing is left,
// it is "file".
func SafeName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, r < ' ', strings.ContainsRune(`<>:"|?*%#&+;=$!'`+"`", r):
			return '_'
		case unicode.IsSpace(r):
			return '_'
		case !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	name = strings.Trim(name, ". ")
	ext := path.Ext(name)
	if len(ext) > maxExt {
		ext = ""
	}
	stem := strings.TrimSuffix(name, ext)
	for len(stem)+len(ext) > maxName {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	stem = strings.TrimRight(stem, ". ")
	if stem == "" {
		return "file" + ext
	}
	name = stem + ext
	if device.MatchString(name) {
		base, rest, dotted := strings.Cut(name, ".")
		if name = base + "_"; dotted {
			name += "." + rest
		}
	}
	return name
}
