package crdt

import (
	"maps"
)

// Context is a set of dots: all changes that a replica has seen. Dots without a gap are one number per life (vector); the others
// wait in the cloud until the gap closes. The zero Context is empty and ready for use.
type Context struct {
	vector map[Life]uint64  // all dots of the life with counters ≤ this one
	cloud  map[Dot]struct{} // only dots above the vector
}

// Contains says whether d has been seen.
func (c *Context) Contains(d Dot) bool {
	if d.Counter <= c.vector[d.Life] {
		return d.Counter != 0
	}
	_, ok := c.cloud[d]
	return ok
}

// Next takes and returns the next dot of a life. Only the owner of the life may call it.
func (c *Context) Next(l Life) Dot {
	d := Dot{l, c.vector[l] + 1}
	c.Add(d)
	return d
}

// Add adds one dot. A dot with counter 0 names no change and is ignored.
func (c *Context) Add(d Dot) {
	if d.Counter == 0 || c.Contains(d) {
		return
	}
	if c.cloud == nil {
		c.cloud = map[Dot]struct{}{}
	}
	c.cloud[d] = struct{}{}
	c.compact(d.Life)
}

// Merge adds all dots of o.
func (c *Context) Merge(o *Context) {
	if len(o.vector) > 0 && c.vector == nil {
		c.vector = map[Life]uint64{}
	}
	for l, n := range o.vector {
		c.vector[l] = max(c.vector[l], n)
	}
	for d := range o.cloud {
		c.Add(d)
	}
	// Dots that the other's vector covers now leave the cloud.
	for d := range c.cloud {
		if d.Counter <= c.vector[d.Life] {
			delete(c.cloud, d)
		}
	}
	for l := range o.vector {
		c.compact(l)
	}
}

// compact moves a life's dots from the cloud into the vector as far as there is no gap.
func (c *Context) compact(l Life) {
	for {
		d := Dot{l, c.vector[l] + 1}
		if _, ok := c.cloud[d]; !ok {
			return
		}
		delete(c.cloud, d)
		if c.vector == nil {
			c.vector = map[Life]uint64{}
		}
		c.vector[l] = d.Counter
	}
}

// Equal says whether both hold the same dots.
func (c *Context) Equal(o *Context) bool {
	return maps.Equal(c.vector, o.vector) && maps.Equal(c.cloud, o.cloud)
}

// Clone returns an independent copy.
func (c *Context) Clone() Context {
	return Context{vector: maps.Clone(c.vector), cloud: maps.Clone(c.cloud)}
}
