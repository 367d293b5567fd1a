package sandbox

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// files serves attachments' files on their own origin, as the API's links lead to S3. A link
// contains a signature of the time of its creation, and expires when [Server.ExpireLinks] is
// called.
type files struct {
	http       *http.Server
	addr       string
	generation atomic.Int64
	redirects  string // the origin of links that redirect; empty for none
	fault      func(r *http.Request) Fault
	requests   atomic.Int64
	leaks      atomic.Int64 // requests with a credential, a cookie or a referer
}

// ExpireLinks expires all links created before.
func (s *Server) ExpireLinks() { s.files.generation.Add(1) }

// FileRequests returns the number of requests for files, and how many of them had a credential, a
// cookie or a referer.
func (s *Server) FileRequests() (all, leaks int64) {
	return s.files.requests.Load(), s.files.leaks.Load()
}

func (s *Server) startFiles() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.files.addr = l.Addr().String()
	s.files.http = &http.Server{
		Handler: http.HandlerFunc(s.serveFile), ErrorLog: s.http.ErrorLog,
		ReadHeaderTimeout: time.Minute,
	}
	go func() { _ = s.files.http.Serve(l) }() // ends with Close
	return nil
}

func (f *files) signature(id int64, generation string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "sandbox %d %s", id, generation))
	return hex.EncodeToString(sum[:16])
}

// appendURL appends the link of a file, in quotes.
func (f *files) appendURL(dst []byte, id int64) []byte {
	generation := strconv.FormatInt(f.generation.Load(), 10)
	if f.redirects != "" {
		return fmt.Appendf(dst, `"%s/attachments/%d?generation=%s&signature=%s"`, f.redirects, id,
			generation, f.signature(id, generation))
	}
	return fmt.Appendf(dst, `"%s"`, f.signed(id, generation, "604800"))
}

// signed returns the link of a file on its own origin.
func (f *files) signed(id int64, generation, seconds string) string {
	return fmt.Sprintf("http://%s/files/%d?X-Amz-Expires=%s&generation=%s&X-Amz-Signature=%s",
		f.addr, id, seconds, generation, f.signature(id, generation))
}

// redirect answers at the API's own address of a file: it leads to a new link.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(strings.TrimPrefix(r.URL.Path, "/attachments/"), 10, 64)
	generation := r.URL.Query().Get("generation")
	if err != nil || generation != strconv.FormatInt(s.files.generation.Load(), 10) ||
		r.URL.Query().Get("signature") != s.files.signature(id, generation) {
		fail(w, http.StatusForbidden, "the link has expired")
		return
	}
	http.Redirect(w, r, s.files.signed(id, generation, "30"), http.StatusFound)
}

// serveFile answers like S3.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	f := &s.files
	f.requests.Add(1)
	if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" ||
		r.Header.Get("Referer") != "" {
		f.leaks.Add(1)
	}
	fault := NoFault
	if f.fault != nil {
		fault = f.fault(r)
	}
	var status int
	if fault == Redirect {
		http.Redirect(w, r, "/elsewhere"+r.URL.String(), http.StatusFound)
		return
	}
	if fault != NoFault && s.break_(w, r, fault, &status) {
		return
	}
	// A redirect may lead to another one.
	_, number, _ := strings.Cut(r.URL.Path, "/files/")
	id, err := strconv.ParseInt(number, 10, 64)
	generation := r.URL.Query().Get("generation")
	if err != nil || generation != strconv.FormatInt(f.generation.Load(), 10) ||
		r.URL.Query().Get("X-Amz-Signature") != f.signature(id, generation) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		// the client may have gone away
		_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"))
		return
	}
	content, kind := FileContent(id)
	sum := sha256.Sum256(content)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(sum[:]))
	if fault == CutRightLength { // the promised length, but not the file
		content = content[:len(content)/2]
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	if fault == CutBody {
		_, _ = w.Write(content[:len(content)/2])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(content) // the client may have gone away
}

// FileContent returns the content of an attachment and its media type: a PDF, a DOCX or a text
// file, depending on its number.
func FileContent(id int64) (content []byte, kind string) {
	lines := []string{
		fmt.Sprintf("Resume number %d", id), "Built pipelines that never lose a row.",
		"Languages: Go, SQL, Python.",
	}
	switch id % 3 {
	case 0:
		return pdf(lines), "application/pdf"
	case 1:
		return docx(lines), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	}
	return []byte(strings.Join(lines, "\n") + "\n"), "text/plain; charset=utf-8"
}

// pdf makes a document with one page.
func pdf(lines []string) []byte {
	var text strings.Builder
	text.WriteString("BT /F1 12 Tf 72 720 Td 16 TL\n")
	for _, line := range lines {
		fmt.Fprintf(&text, "(%s) Tj T*\n", strings.NewReplacer("(", `\(`, ")", `\)`).Replace(line))
	}
	text.WriteString("ET")
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n",
		len(objects)+1, start)
	return b.Bytes()
}

// docx makes a document with a few paragraphs.
func docx(lines []string) []byte {
	var body strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&body, "<w:p><w:r><w:t>%s</w:t></w:r></w:p>", line)
	}
	const head = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	parts := []struct{ name, text string }{
		{"[Content_Types].xml", head +
			`<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`},
		{"_rels/.rels", head + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`},
		{"word/document.xml", head +
			`<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>` + body.String() + `</w:body></w:document>`},
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		w, err := z.Create(p.name)
		if err == nil {
			_, err = w.Write([]byte(p.text))
		}
		if err != nil {
			panic(err) // it is written to memory
		}
	}
	if err := z.Close(); err != nil {
		panic(err) // it is written to memory
	}
	return b.Bytes()
}
