package chaos

// faults is what is done to the nodes and the network, and when.
type faults struct{ w *World }

func (f *faults) init(w *World) { f.w = w }
