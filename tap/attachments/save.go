package attachments

import (
	"context"
	"crypto/md5" //nolint:gosec // Content-MD5 is what some file hosts tell
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"os"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// errUnproven is a download that may have ended early without anybody noticing.
var errUnproven = errors.New("the file host does not say where the file ends, so it may not be whole")

// checksum is one that the host tells, of the body as it is sent.
type checksum struct {
	want string
	have hash.Hash
}

// checksums returns those that an answer tells.
func checksums(answer *http.Response) []checksum {
	var all []checksum
	for _, c := range []struct {
		header string
		have   hash.Hash
	}{
		{"X-Amz-Checksum-Sha256", sha256.New()},
		{"Content-Md5", md5.New()}, //nolint:gosec // see above
	} {
		want, err := base64.StdEncoding.DecodeString(answer.Header.Get(c.header))
		if err == nil && len(want) == c.have.Size() {
			all = append(all, checksum{string(want), c.have})
		}
	}
	return all
}

// checked is a body whose bytes go into its checksums.
type checked struct {
	io.ReadCloser
	sums []checksum
}

func (c checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	for _, s := range c.sums {
		s.have.Write(p[:n])
	}
	return n, err
}

// brokenOff says why a body is not whole.
func brokenOff(ctx context.Context, err error) error {
	var encoding *web.EncodingError
	if errors.As(err, &encoding) {
		return &fileError{text: err.Error()}
	}
	return web.BreaksOff(ctx, err)
}

// save writes the body to a file, unpacked, and checks that it is whole.
func (f *fetcher) save(ctx context.Context, file *os.File, answer *http.Response) (
	store.Meta, error,
) {
	sums := checksums(answer)
	answer.Body = checked{answer.Body, sums}
	body := web.NewBody(answer)
	defer body.Close()
	if body.Hint > f.maxBytes {
		return store.Meta{}, f.tooLarge()
	}
	content := sha256.New()
	var n int64
	for buf := make([]byte, 64<<10); ; {
		k, err := body.Read(buf)
		if n += int64(k); n > f.maxBytes {
			return store.Meta{}, f.tooLarge()
		}
		content.Write(buf[:k])
		if _, err := file.Write(buf[:k]); err != nil {
			return store.Meta{}, err
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return store.Meta{}, brokenOff(ctx, err)
		}
	}
	if answer.ContentLength >= 0 && body.Wired != answer.ContentLength {
		return store.Meta{}, web.BreaksOff(ctx, io.ErrUnexpectedEOF)
	}
	for _, s := range sums {
		if string(s.have.Sum(nil)) != s.want {
			return store.Meta{}, &web.TemporaryError{
				Kind: tap.Server, Reason: "the download does not match its checksum",
			}
		}
	}
	if !body.Proven && len(sums) == 0 {
		return store.Meta{}, errUnproven
	}
	kind := mediaType(answer.Header.Get("Content-Type"))
	return store.Meta{
		Bytes: n, SHA256: hex.EncodeToString(content.Sum(nil)), ContentType: kind,
	}, nil
}
