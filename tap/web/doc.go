// Package web is one exchange over HTTP: a whole answer, or an error that says whether a retry may
// help. Connections that say nothing or only drip are given up, bodies are unpacked and have a
// proven end, and retries wait as long as the answer asks. It knows no API, no credential and no
// record.
package web
