package attachments

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A Content-Type does not bring the name of a file back.
func TestMediaTypeHasNoName(t *testing.T) {
	for header, want := range map[string]string{
		"application/pdf": "application/pdf", "Application/PDF": "application/pdf",
		`application/pdf; name="Ann Smith.pdf"`:                      "application/pdf",
		`text/plain; charset=UTF-8; name=Ann.txt`:                    "text/plain; charset=utf-8",
		`text/plain; charset="iso-8859-1"; filename*=UTF-8''Ann.txt`: "text/plain; charset=iso-8859-1",
		`text/plain; charset=AnnSmith`:                               "text/plain",
		`text/plain; charset=utf-8-AnnSmith`:                         "text/plain",
		`application/pdf; name=Ann Smith.pdf`:                        "application/pdf",
		`application/pdf; name=a; name=b`:                            "application/pdf",
		`application/pdf;`:                                           "application/pdf",
		"":                                                           "application/octet-stream", "Ann Smith": "application/octet-stream",
		"AnnSmith": "application/octet-stream", "; name=Ann": "application/octet-stream",
	} {
		assert.Equal(t, want, mediaType(header), header)
	}
}
