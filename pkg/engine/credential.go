package engine

import (
	"crypto/rand"
	"math/big"
)

// defaultAlphabet leaves out 0 O 1 l I: people read passwords aloud and type them from paper.
const defaultAlphabet = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"

// NewSecret draws a value for every credential, by its key in the Secret. Each call draws anew, so its
// caller creates the Secret only when it isn't there.
func (p Pack) NewSecret() map[string][]byte {
	secret := make(map[string][]byte, len(p.Credentials))
	for _, credential := range p.Credentials {
		secret[credential.SecretKey] = credential.Generate.draw()
	}
	return secret
}

func (g Generate) alphabet() string {
	if g.Alphabet == "" {
		return defaultAlphabet
	}
	return g.Alphabet
}

func (g Generate) draw() []byte {
	alphabet := g.alphabet()
	size := big.NewInt(int64(len(alphabet)))
	value := make([]byte, g.Length)
	for i := range value {
		// rand.Int draws without the bias of a remainder, and its reader doesn't fail: it ends the
		// process instead (crypto/rand.Read).
		n, err := rand.Int(rand.Reader, size)
		if err != nil {
			panic("engine: draw from the system's random source: " + err.Error())
		}
		value[i] = alphabet[n.Int64()]
	}
	return value
}
