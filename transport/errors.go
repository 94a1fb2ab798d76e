package transport

import "errors"

// What Handler.Closed and Handler.DialFailed report, beside the errors of the operating system and of gobwas/ws.
var (
	ErrMessageTooLarge = errors.New("transport: message above the limit")
	ErrWrongOpcode     = errors.New("transport: WebSocket opcode does not fit the serializer")
	ErrEmptyBatch      = errors.New("transport: batch without a message")
	ErrBatchFraming    = errors.New("transport: batch is not framed as its subprotocol says")
	ErrRawSocketFrame  = errors.New("transport: RawSocket frame of a reserved type or with reserved bits")
	ErrNoPong          = errors.New("transport: no sign of life after a ping")
	ErrControlFlood    = errors.New("transport: answers to control frames do not fit the outbox")
	ErrReset           = errors.New("transport: reset by this side")
	ErrTimeout         = errors.New("transport: timed out")
	ErrStopped         = errors.New("transport: loop stopped")
)
