package chaos

import "kleeblatt/gossip"

// scanEvery is after how many events everything is looked at.
const scanEvery = 1000

// tables checks what must hold of the nodes' tables.
type tables struct{ w *World }

func (t *tables) init(w *World)                     { t.w = w }
func (t *tables) born(p *process, life gossip.Life) {}
func (t *tables) look(p *process)                   {}
func (t *tables) ended(p *process)                  {}
func (t *tables) scan()                             {}
func (t *tables) converged() {}
