// Package tap is the domain and the engine: streams, selections, plans, state, and the sync that
// reads the one and moves the other along.
//
// It knows neither HTTP nor a protocol. It asks a [Source] for pages and tells a [Voice] what
// happened; both are declared here, where they are used. Apart from
// [github.com/tap-greenhouse/tap-greenhouse/tap/record] it imports none of its neighbours.
package tap
