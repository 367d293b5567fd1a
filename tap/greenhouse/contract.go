package greenhouse

import (
	"context"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/contract"
)

// Contract returns the agreed schema of the streams that a run would read: a JSON Schema for each,
// with what earlier runs have learnt according to the state. It makes requests only for columns of
// custom fields.
func (a *Account) Contract(ctx context.Context, read Read) ([]byte, error) {
	r := &Run{Account: a, read: read, state: tap.NewState()}
	if r.read.Protocol == nil {
		r.read.Protocol = Singer
	}
	lookup := lookupOf()
	if read.State != nil {
		if err := r.parseState(lookup); err != nil {
			return nil, err
		}
	}
	if err := r.choose(ctx, lookup, a.listed); err != nil {
		return nil, err
	}
	var agreed []contract.Agreed
	for _, q := range r.queries {
		if q.Err != nil {
			return nil, q.Err
		}
		shape, _, err := q.Learnt(r.state.Of(q.Stream.Name).Learnt)
		if err != nil {
			return nil, &tap.Error{
				Kind: tap.BadInput, Op: "state of stream " + q.Stream.Name, Err: err,
			}
		}
		agreed = append(agreed, contract.Agreed{
			Stream: q.Stream, Shape: shape.Remove(r.read.Protocol.deletedAt),
		})
	}
	return contract.Marshal(a.opts.Version, agreed)
}

// readContract reads the contract.
func (r *Run) readContract() (err error) {
	if r.read.Contract == nil {
		return nil
	}
	if r.contract, err = contract.Parse(r.read.Contract); err != nil {
		e := config.Misread("contract "+r.read.ContractName, err, r.read.Contract)
		return e.WithHint("write one with tap-greenhouse contract > FILE")
	}
	if v := r.contract.Version; v != r.opts.Version {
		r.opts.Log.Info("the contract was written by another release", "release", v)
	}
	return nil
}

// differs notes in the report of a stream what differs from the contract, and says so.
func (r *Run) differs(s *tap.StreamReport) {
	if r.contract == nil || s.Shape == nil || s.Differences != nil {
		return
	}
	s.Differences = printable(r.contract.Differences(s.Stream, contract.Found{
		Shape: s.Shape.Remove(r.read.Protocol.deletedAt), Absent: s.Absent, Unlisted: s.NewValues,
	}))
	for _, what := range s.Differences {
		r.opts.Log.Warn("differs from the contract: "+what, "stream", s.Stream)
	}
}
