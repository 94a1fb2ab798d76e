package auth_test

import (
	"fmt"
	"math/rand/v2"

	"kleeblatt/internal/auth"
)

func ExampleAnonymous() {
	p := auth.Anonymous(rand.New(rand.NewPCG(1, 2)).Uint64)
	fmt.Println(len(p.AuthID), p.AuthRole, p.AuthMethod, p.AuthProvider)
	// Output: 16 anonymous anonymous static
}
