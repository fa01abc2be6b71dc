// Package bounded remembers what was worked out, up to a number of things.
package bounded

import "sync"

// Map is a map that is safe for use at once, and gives up any other key where there
// would be more than Most. A nil one remembers nothing.
type Map[K comparable, V any] struct {
	Most int

	mu    sync.RWMutex
	known map[K]V
}

// Get gives what is remembered of a key.
func (m *Map[K, V]) Get(key K) (V, bool) {
	if m == nil {
		var none V
		return none, false
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok := m.known[key]
	return v, ok
}

// Put remembers.
func (m *Map[K, V]) Put(key K, v V) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[K]V{}
	}
	for other := range m.known {
		if len(m.known) < m.Most {
			break
		}
		delete(m.known, other)
	}
	m.known[key] = v
}

// Len is how many keys are remembered.
func (m *Map[K, V]) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.known)
}
