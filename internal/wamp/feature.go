package wamp

// BrokerFeatures are the feature keys that WELCOME announces for the broker role. A key stands here only when the rows of
// that feature pass.
func BrokerFeatures() []string {
	return []string{
		"publisher_exclusion",
		"subscriber_blackwhite_listing",
		"publisher_identification",
		"publication_trustlevels",
		"pattern_based_subscription",
		"payload_passthru_mode",
		"session_meta_api",
		"event_retention",
		"subscription_meta_api",
		"subscription_revocation",
		"event_history",
	}
}

// DealerFeatures are the feature keys that WELCOME announces for the dealer role.
func DealerFeatures() []string {
	return []string{
		"progressive_call_results",
		"progressive_call_invocations",
		"call_canceling",
		"call_timeout",
		"call_reroute",
		"caller_identification",
		"call_trustlevels",
		"pattern_based_registration",
		"shared_registration",
		"testament_meta_api",
		"payload_passthru_mode",
		"session_meta_api",
		"registration_meta_api",
		"registration_revocation",
	}
}

// features is every feature that the router looks for in HELLO, in the order of its bits.
var features = [...]struct {
	bit Feature
	key string
}{
	{FeatureCallCanceling, "call_canceling"},
	{FeatureProgressiveCallResults, "progressive_call_results"},
	{FeatureProgressiveCallInvocations, "progressive_call_invocations"},
	{FeatureCallTimeout, "call_timeout"},
	{FeatureSharedRegistration, "shared_registration"},
	{FeatureRegistrationRevocation, "registration_revocation"},
	{FeatureSubscriptionRevocation, "subscription_revocation"},
	{FeatureCallReroute, "call_reroute"},
	{FeaturePayloadPassthru, "payload_passthru_mode"},
}

// ParseFeature finds the bit of a key in HELLO.Details.roles.<role>.features; false for features that the router does not
// act on. call_canceling is also read as call_cancelling: the specification spells it both ways.
func ParseFeature(key []byte) (Feature, bool) {
	if string(key) == "call_cancelling" {
		return FeatureCallCanceling, true
	}
	for i := range features {
		if features[i].key == string(key) {
			return features[i].bit, true
		}
	}
	return 0, false
}

// Keys are the feature keys of the bits of f, in the order of the bits.
func (f Feature) Keys() []string {
	var keys []string
	for i := range features {
		if f&features[i].bit != 0 {
			keys = append(keys, features[i].key)
		}
	}
	return keys
}

// Any reports whether at least one role was announced (HND-03).
func (r *Roles) Any() bool { return r.Publisher || r.Subscriber || r.Caller || r.Callee }

// Forget takes a feature from all roles: what the router does not act on there is as if it had not been announced.
func (r *Roles) Forget(f Feature) {
	r.PublisherFeatures &^= f
	r.SubscriberFeatures &^= f
	r.CallerFeatures &^= f
	r.CalleeFeatures &^= f
}
