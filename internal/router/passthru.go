package router

import (
	"slices"

	"kleeblatt/dealer"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Payload passthru mode (advanced/payload_passthru_mode.md): the payload is one binary value that its sender has encoded or encrypted, and
// ppt_ options tell the receiver how. The router looks at nothing of it but whether ppt_scheme says something.

const notPassthru = "ppt_scheme without payload_passthru_mode"

// withoutPassthru is what is announced in a realm that has no such mode; it has nobody who announced it either, so that its use is a
// violation (PPT-03).
func withoutPassthru(features []string) []string {
	return slices.DeleteFunc(slices.Clone(features), func(f string) bool { return f == "payload_passthru_mode" })
}

// passesThrough says whether a message is in payload passthru mode (PPT-01).
func passesThrough(o *codec.Options) bool {
	return o.Has&codec.OptPPTScheme != 0 && len(o.PPTScheme) > 0
}

// carryAll is the frame's payload and the options that pass through, in the serializer that they are to go to; they live until the next ones
// are carried there.
func (w *Worker) carryAll(f *frame, to wamp.Serializer) (codec.Payload, codec.Pass, error) {
	p, err := w.carry(f.serializer, to, f.payload)
	if err != nil || f.pass.N == 0 {
		return p, codec.Pass{}, err
	}
	pass, err := w.carryPass(f.serializer, to, f.pass)
	return p, pass, err
}

func (w *Worker) carryPass(from, to wamp.Serializer, p codec.Pass) (codec.Pass, error) {
	if from == to || p.N == 0 {
		return p, nil
	}
	b, err := w.transcoder.Pass(w.passed[to][:0], from, to, p)
	if err != nil {
		return codec.Pass{}, err
	}
	w.passed[to] = b
	return codec.Pass{N: p.N, Raw: b}, nil
}

// refuseYield ends a call whose caller does not understand what the callee yields: both are told (PPT-05, A-32).
func (w *Worker) refuseYield(v *dealer.Invocation, slot uint32, request uint64) {
	from := v.Origin
	w.callee.Close(v)
	w.fail(slot, wamp.Yield, request, wamp.ErrFeatureNotSupported, "the caller does not know payload_passthru_mode")
	w.answer(&from, slot, wamp.ErrFeatureNotSupported)
}
