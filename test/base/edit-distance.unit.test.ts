import { expect, test } from 'vitest'
import { closest, editDistance } from '../../src/base/edit-distance.js'

test.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['kitten', 'sitting', 3],
  ['flaw', 'lawn', 2],
  ['same', 'same', 0],
])('%j and %j differ in %d letters', (a, b, letters) => {
  expect([editDistance(a, b), editDistance(b, a)]).toEqual([letters, letters])
})

test('the closest word is the first of those with the fewest letters to change', () => {
  expect(closest('prot', ['port', 'part', 'prod'])).toEqual({ word: 'prod', distance: 1 })
  expect(closest('x', ['ab', 'cd'])).toEqual({ word: 'ab', distance: 2 })
  expect(closest('PORT', ['port'], (one) => one.toLowerCase())).toEqual({ word: 'port', distance: 0 })
  expect(closest('x', [])).toBeUndefined()
})
