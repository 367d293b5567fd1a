// Package airbyte is the voice that speaks the Airbyte protocol, as a source: spec, check, discover
// and read. It does not know where records come from.
package airbyte

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// message is the protocol's envelope, one per line.
type message struct {
	Type             string            `json:"type"`
	Log              *logMessage       `json:"log,omitzero"`
	Spec             *Spec             `json:"spec,omitzero"`
	ConnectionStatus *connectionStatus `json:"connectionStatus,omitzero"`
	Catalog          *catalog          `json:"catalog,omitzero"`
	State            *stateMessage     `json:"state,omitzero"`
	Trace            *trace            `json:"trace,omitzero"`
	Control          *control          `json:"control,omitzero"`
}

type logMessage struct {
	Level   string `json:"level"`
	Message string `json:"message"`
}

type connectionStatus struct {
	Status  string `json:"status"`
	Message string `json:"message,omitzero"`
}

type descriptor struct {
	Name string `json:"name"`
}

type stateMessage struct {
	Type        string      `json:"type"`
	Stream      streamState `json:"stream"`
	SourceStats stats       `json:"sourceStats"`
}

type streamState struct {
	Descriptor descriptor `json:"stream_descriptor"`
	State      any        `json:"stream_state"`
}

type stats struct {
	RecordCount float64 `json:"recordCount"`
}

type trace struct {
	Type         string        `json:"type"`
	EmittedAt    int64         `json:"emitted_at"`
	StreamStatus *streamStatus `json:"stream_status,omitzero"`
	Error        *traceError   `json:"error,omitzero"`
	Estimate     *estimate     `json:"estimate,omitzero"`
}

type streamStatus struct {
	Descriptor descriptor `json:"stream_descriptor"`
	Status     string     `json:"status"`
	Reasons    []reason   `json:"reasons,omitzero"`
}

type reason struct {
	Type        string      `json:"type"`
	RateLimited rateLimited `json:"rate_limited"`
}

type rateLimited struct {
	QuotaReset int64 `json:"quota_reset"`
}

type traceError struct {
	Message         string      `json:"message"`
	InternalMessage string      `json:"internal_message"`
	FailureType     string      `json:"failure_type"`
	Descriptor      *descriptor `json:"stream_descriptor,omitzero"`
}

type estimate struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	RowEstimate int64  `json:"row_estimate"`
}

type control struct {
	Type            string          `json:"type"`
	EmittedAt       int64           `json:"emitted_at"`
	ConnectorConfig connectorConfig `json:"connectorConfig"`
}

type connectorConfig struct {
	Config jsontext.Value `json:"config"`
}

// Spec describes the config of the source.
type Spec struct {
	DocumentationURL        string         `json:"documentationUrl,omitzero"`
	ProtocolVersion         string         `json:"protocol_version"`
	SupportsIncremental     bool           `json:"supportsIncremental"`
	ConnectionSpecification jsontext.Value `json:"connectionSpecification"`
}

// protocolVersion is the version of the protocol.
const protocolVersion = "0.5.2"

func appendMessage(dst []byte, m message) []byte {
	out, err := json.Marshal(m, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(err) // only types of this package are passed
	}
	return append(append(dst, out...), '\n')
}

func newTrace(kind string) *trace { return &trace{Type: kind, EmittedAt: time.Now().UnixMilli()} }

// AppendSpec appends a SPEC message with the schema of the config.
func AppendSpec(dst []byte, schema jsontext.Value, documentationURL string) []byte {
	return appendMessage(dst, message{Type: "SPEC", Spec: &Spec{
		DocumentationURL: documentationURL, ProtocolVersion: protocolVersion,
		SupportsIncremental: true, ConnectionSpecification: schema,
	}})
}

// AppendStatus appends a CONNECTION_STATUS message: success for a nil error.
func AppendStatus(dst []byte, err error) []byte {
	status := connectionStatus{Status: "SUCCEEDED"}
	if err != nil {
		status = connectionStatus{Status: "FAILED", Message: tap.Printable(err.Error())}
	}
	return appendMessage(dst, message{Type: "CONNECTION_STATUS", ConnectionStatus: &status})
}

// AppendLog appends a LOG message. The level is one of FATAL, ERROR, WARN, INFO, DEBUG and TRACE.
func AppendLog(dst []byte, level, text string) []byte {
	return appendMessage(dst, message{
		Type: "LOG", Log: &logMessage{Level: level, Message: tap.Printable(text)},
	})
}

// AppendError appends a TRACE message of type ERROR about the whole run.
func AppendError(dst []byte, err error) []byte {
	t := newTrace("ERROR")
	t.Error = toError(err)
	return appendMessage(dst, message{Type: "TRACE", Trace: t})
}

// AppendControl appends a CONTROL message that asks the platform to save a new config.
func AppendControl(dst []byte, config jsontext.Value) []byte {
	return appendMessage(dst, message{Type: "CONTROL", Control: &control{
		Type: "CONNECTOR_CONFIG", EmittedAt: time.Now().UnixMilli(),
		ConnectorConfig: connectorConfig{Config: config},
	}})
}

// failureTypes tell the platform who has to act: the user, nobody yet, or the developers.
var failureTypes = map[tap.Kind]string{
	tap.BadInput:    "config_error",
	tap.Credentials: "config_error",
	tap.Scope:       "config_error",
	tap.Gone:        "config_error",
	tap.Storage:     "config_error",
	tap.Rights:      "config_error",
	tap.Unreachable: "transient_error",
	tap.SignIn:      "transient_error",
	tap.Network:     "transient_error",
	tap.Server:      "transient_error",
	tap.Interrupted: "transient_error",

	tap.Fault:         "system_error",
	tap.Refused:       "system_error",
	tap.TooLarge:      "system_error",
	tap.Unprocessable: "system_error",
	tap.Origin:        "system_error",
	tap.CursorExpired: "system_error",
	tap.LoaderGone:    "system_error",
}

func toError(err error) *traceError {
	return &traceError{
		Message: tap.Printable(tap.Sentence(err)), InternalMessage: tap.Printable(err.Error()),
		FailureType: failureTypes[tap.KindOf(err)],
	}
}
