package wamp

// The error and close URIs that the router emits (basic/uri_reference.md, advanced/uris.md).
const (
	ErrInvalidURI             = "wamp.error.invalid_uri"
	ErrNoSuchProcedure        = "wamp.error.no_such_procedure"
	ErrProcedureAlreadyExists = "wamp.error.procedure_already_exists"
	ErrNoSuchRegistration     = "wamp.error.no_such_registration"
	ErrNoSuchSession          = "wamp.error.no_such_session"
	ErrNoSuchSubscription     = "wamp.error.no_such_subscription"
	ErrInvalidArgument        = "wamp.error.invalid_argument"
	ErrCanceled               = "wamp.error.canceled"
	ErrPayloadSizeExceeded    = "wamp.error.payload_size_exceeded"
	ErrProtocolViolation      = "wamp.error.protocol_violation"
	ErrNotAuthorized          = "wamp.error.not_authorized"
	ErrAuthorizationFailed    = "wamp.error.authorization_failed"
	ErrNoSuchRealm            = "wamp.error.no_such_realm"
	ErrNoSuchRole             = "wamp.error.no_such_role"
	ErrNoMatchingAuthMethod   = "wamp.error.no_matching_auth_method"
	ErrAuthenticationFailed   = "wamp.error.authentication_failed"
	ErrAuthenticationDenied   = "wamp.error.authentication_denied"
	ErrAuthenticationRequired = "wamp.error.authentication_required"
	ErrTimeout                = "wamp.error.timeout"
	ErrUnavailable            = "wamp.error.unavailable"
	ErrNetworkFailure         = "wamp.error.network_failure"
	ErrFeatureNotSupported    = "wamp.error.feature_not_supported"
	ErrDiscloseMeDisallowed   = "wamp.error.option_disallowed.disclose_me"

	CloseSystemShutdown = "wamp.close.system_shutdown"
	CloseRealm          = "wamp.close.close_realm"
	CloseGoodbyeAndOut  = "wamp.close.goodbye_and_out"
	CloseKilled         = "wamp.close.killed"
	CloseNormal         = "wamp.close.normal"
)
