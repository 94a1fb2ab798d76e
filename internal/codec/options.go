package codec

import (
	"bytes"
	"math/bits"

	"kleeblatt/internal/wamp"
)

// optionNames are the keys in the order of the bits; optionOf is its inverse. x_barrier is ours, the others are the specification's.
var optionNames = [...]string{
	"acknowledge", "exclude_me", "disclose_me", "exclude", "eligible", "exclude_authid", "exclude_authrole",
	"eligible_authid", "eligible_authrole", "retain", "get_retained", "match", "invoke", "mode", "receive_progress",
	"progress", "timeout", "disclose_caller", "forward_timeout", "concurrency", "reason", "topic", "procedure", "caller",
	"publisher", "x_barrier", "message", "ppt_scheme", "retained", "subscription", "registration",
	"publisher_authid", "publisher_authrole", "caller_authid", "caller_authrole", "runmode", "rkey",
}

// String is the key of the lowest bit.
func (o Opt) String() string {
	if i := bits.TrailingZeros64(uint64(o)); i < len(optionNames) {
		return optionNames[i]
	}
	return "no option"
}

// optionOf finds the bit of a key, 0 if the router does not know it. A switch, since the compiler makes a search by length
// of it that costs no hashing.
func optionOf(key []byte) Opt {
	switch string(key) {
	case "acknowledge":
		return OptAcknowledge
	case "exclude_me":
		return OptExcludeMe
	case "disclose_me":
		return OptDiscloseMe
	case "exclude":
		return OptExclude
	case "eligible":
		return OptEligible
	case "exclude_authid":
		return OptExcludeAuthID
	case "exclude_authrole":
		return OptExcludeAuthRole
	case "eligible_authid":
		return OptEligibleAuthID
	case "eligible_authrole":
		return OptEligibleAuthRole
	case "retain":
		return OptRetain
	case "get_retained":
		return OptGetRetained
	case "match":
		return OptMatch
	case "invoke":
		return OptInvoke
	case "mode":
		return OptMode
	case "receive_progress":
		return OptReceiveProgress
	case "progress":
		return OptProgress
	case "timeout":
		return OptTimeout
	case "disclose_caller":
		return OptDiscloseCaller
	case "forward_timeout":
		return OptForwardTimeout
	case "concurrency":
		return OptConcurrency
	case "reason":
		return OptReason
	case "topic":
		return OptTopic
	case "procedure":
		return OptProcedure
	case "caller":
		return OptCaller
	case "publisher":
		return OptPublisher
	case "x_barrier":
		return OptBarrier
	case "message":
		return OptMessage
	case "ppt_scheme":
		return OptPPTScheme
	case "retained":
		return OptRetained
	case "subscription":
		return OptSubscription
	case "registration":
		return OptRegistration
	case "publisher_authid":
		return OptPublisherAuthID
	case "publisher_authrole":
		return OptPublisherAuthRole
	case "caller_authid":
		return OptCallerAuthID
	case "caller_authrole":
		return OptCallerAuthRole
	case "runmode":
		return OptRunMode
	case "rkey":
		return OptRKey
	}
	return 0
}

// options reads a dict whose keys in allowed go into o; the values of others are walked. Where a payload may be passed through, so
// may options, which go into pass.
func (p *Parser) options(o *Options, pass *Pass, allowed Opt) {
	c := &p.c
	if c.s == wamp.MsgPack && c.i < len(c.b) && c.b[c.i] == 0x80 { // no options, as in most messages
		c.i++
		return
	}
	it := c.dict()
	for c.ok() && c.next(&it) {
		start := c.i
		key := c.key()
		if !c.ok() {
			return
		}
		opt := optionOf(key) & allowed
		if opt == 0 {
			p.unique(0, key)
			if c.ok() {
				c.walk(1)
			}
			if c.ok() && allowed&OptPPTScheme != 0 && passes(key) {
				p.pass(start, pass)
			}
			continue
		}
		if o.Has&opt != 0 {
			c.fail(whyDuplicate)
		} else if c.absent() {
			p.unique(0, key)
			if !c.ok() {
				return
			}
			continue
		} else {
			p.option(o, opt)
			if opt == OptPPTScheme && c.ok() {
				p.pass(start, pass)
			}
		}
		if !c.ok() {
			p.culprit = opt.String()
			return
		}
		o.Has |= opt
	}
}

// unique notes a key of the dict whose keys stand in p.keys[base:], and fails if it was there already.
func (p *Parser) unique(base int, key []byte) {
	for _, k := range p.keys[base:] {
		if bytes.Equal(k, key) {
			p.c.fail(whyDuplicate)
			return
		}
	}
	if len(p.keys)-base >= OptionKeysMax {
		p.c.fail(whyManyKeys)
		return
	}
	p.keys = append(p.keys, key)
}

// option reads the value of one option.
func (p *Parser) option(o *Options, opt Opt) {
	c := &p.c
	switch opt {
	case OptAcknowledge:
		o.Acknowledge = c.boolean()
	case OptExcludeMe:
		o.ExcludeMe = c.boolean()
	case OptDiscloseMe:
		o.DiscloseMe = c.boolean()
	case OptRetain:
		o.Retain = c.boolean()
	case OptGetRetained:
		o.GetRetained = c.boolean()
	case OptRetained:
		o.Retained = c.boolean()
	case OptReceiveProgress:
		o.ReceiveProgress = c.boolean()
	case OptProgress:
		o.Progress = c.boolean()
	case OptDiscloseCaller:
		o.DiscloseCaller = c.boolean()
	case OptForwardTimeout:
		o.ForwardTimeout = c.boolean()

	case OptMatch:
		o.Match = c.text()
	case OptInvoke:
		o.Invoke = c.text()
	case OptMode:
		o.Mode = c.text()
	case OptReason:
		o.Reason = c.text()
	case OptTopic:
		o.Topic = c.text()
	case OptProcedure:
		o.Procedure = c.text()
	case OptMessage:
		o.Msg = c.text()
	case OptPPTScheme:
		o.PPTScheme = c.text()
	case OptPublisherAuthID:
		o.PublisherAuthID = c.text()
	case OptPublisherAuthRole:
		o.PublisherAuthRole = c.text()
	case OptCallerAuthID:
		o.CallerAuthID = c.text()
	case OptCallerAuthRole:
		o.CallerAuthRole = c.text()

	case OptRunMode:
		o.RunMode = c.text()
	case OptRKey: // of any type: nobody looks at it
		c.walk(1)

	case OptTimeout:
		o.Timeout = c.uint()
	case OptConcurrency:
		o.Concurrency = c.uint()
	case OptBarrier:
		o.Barrier = c.uint()
	case OptCaller:
		o.Caller = c.id()
	case OptPublisher:
		o.Publisher = c.id()
	case OptSubscription:
		o.Subscription = c.id()
	case OptRegistration:
		o.Registration = c.id()

	case OptExclude:
		o.Exclude = p.idList()
	case OptEligible:
		o.Eligible = p.idList()
	case OptExcludeAuthID:
		o.ExcludeAuthID = p.textList(FilterEntriesMax)
	case OptExcludeAuthRole:
		o.ExcludeAuthRole = p.textList(FilterEntriesMax)
	case OptEligibleAuthID:
		o.EligibleAuthID = p.textList(FilterEntriesMax)
	case OptEligibleAuthRole:
		o.EligibleAuthRole = p.textList(FilterEntriesMax)
	}
}

// idList reads a list of ids.
func (p *Parser) idList() []uint64 {
	c := &p.c
	start := len(p.ids)
	for it := c.list(); c.ok() && c.next(&it); {
		if len(p.ids)-start >= FilterEntriesMax {
			c.fail(whyManyItems)
			break
		}
		p.ids = append(p.ids, c.id())
	}
	return p.ids[start:len(p.ids):len(p.ids)]
}

// textList reads a list of at most most texts.
func (p *Parser) textList(most int) [][]byte {
	c := &p.c
	start := len(p.texts)
	for it := c.list(); c.ok() && c.next(&it); {
		if len(p.texts)-start >= most {
			c.fail(whyManyItems)
			break
		}
		p.texts = append(p.texts, c.text())
	}
	return p.texts[start:len(p.texts):len(p.texts)]
}
