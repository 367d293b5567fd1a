// Package tap is the domain and the engine: streams, selections, plans, state, and the sync that
// reads streams and advances their state.
//
// It knows neither HTTP nor a protocol. It reads from a [Source] and reports to a [Voice]; both are
// declared here, where they are used. It imports only one of its neighbours,
// [github.com/tap-greenhouse/tap-greenhouse/tap/record].
package tap
