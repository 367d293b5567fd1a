package harvest

import (
	"fmt"
	"net/http"

	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// errTooLarge ends a body that is too large to be a page.
var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxBodyBytes>>20)

// bodies keeps the buffers of bodies for later requests.
var bodies buffers

// readBody appends the whole body of an answer to b, unpacked, and returns it with the number of
// bytes received. It calls large before it holds more than keptBytes. An error means that the body
// is not whole.
func readBody(b []byte, answer *http.Response, limit int64, large func() error) (
	body []byte, wired int64, err error,
) {
	r := web.NewBody(answer)
	defer r.Close()
	if r.Hint > limit {
		return b, 0, errTooLarge
	}
	hint := int(r.Hint)
	b, err = readAll(b, r, min(hint, keptBytes), min(limit, keptBytes))
	if err == nil && len(b) > keptBytes && limit > keptBytes {
		if err = large(); err == nil {
			b, err = readAll(b, r, hint-len(b), limit)
		}
	}
	if err == nil && int64(len(b)) > limit {
		err = errTooLarge
	}
	return b, r.Wired, err
}
