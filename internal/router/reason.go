package router

import (
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// reason is what a person is told about an error that has nothing more to say.
type reason struct {
	text    string
	payload codec.Payload // [text] in MessagePack, for errors that travel as frames
}

// reasons are by the error's URI. None of them tells what the session may not know: who else there is, or what rules say of others.
var reasons = explain(map[string]string{
	wamp.ErrInvalidURI:             "the URI is not valid here, or reserved for the router",
	wamp.ErrNoSuchProcedure:        "nobody has registered this procedure",
	wamp.ErrProcedureAlreadyExists: "this procedure is registered already, or with another invocation policy",
	wamp.ErrNoSuchRegistration:     "there is no such registration",
	wamp.ErrNoSuchSession:          "there is no such session",
	wamp.ErrNoSuchSubscription:     "there is no such subscription",
	wamp.ErrInvalidArgument:        "an argument is missing, or not of the right kind",
	wamp.ErrCanceled:               "the call was canceled, or its callee is gone",
	wamp.ErrPayloadSizeExceeded:    "the message is longer than its receiver takes",
	wamp.ErrNotAuthorized:          "the role of this session does not allow this",
	wamp.ErrAuthorizationFailed:    "who decides about this could not be asked",
	wamp.ErrTimeout:                "there was no answer in time",
	wamp.ErrUnavailable:            "this cannot be done now; later it may",
	wamp.ErrNoAvailableCallee:      "no callee takes this call now",
	wamp.ErrNetworkFailure:         "a link between routers was lost",
	wamp.ErrFeatureNotSupported:    "the other side does not know what the options ask for",
	wamp.ErrDiscloseMeDisallowed:   "callers and publishers are not named here",
})

func explain(texts map[string]string) map[string]reason {
	out := make(map[string]reason, len(texts))
	for uri, text := range texts {
		_, p := codec.AppendPayload(nil, wamp.MsgPack, []any{text}, nil)
		out[uri] = reason{text, p}
	}
	return out
}
