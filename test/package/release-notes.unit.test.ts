import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { test } from 'vitest'
import { notesOf } from '../../scripts/release-notes.js'
import { packagePath, packageVersion } from '../../src/config/load.js'

const changelog = `# Changelog

## Unreleased

* Not yet.

## 1.1.0 (2027-02-01)

* Scores faster.

### For operators

* Set \`x\` before the upgrade.

## 1.0.0 (2027-01-10)

* The first one.

## 0.9.0

## 0.8.0
`

test('the notes of a version are everything below its heading', () => {
  assert.equal(notesOf(changelog, '1.1.0'), '* Scores faster.\n\n### For operators\n\n* Set `x` before the upgrade.')
  assert.equal(notesOf(changelog, '1.0.0'), '* The first one.')
})

test('a version without text has no notes, and neither has a part of a version', () => {
  for (const version of ['0.9.0', '0.8.0', '1.1', '1.0.0-rc.1', '2.0.0'])
    assert.equal(notesOf(changelog, version), undefined, version)
})

test('the changelog has notes for the version of the package', () => {
  assert.ok(notesOf(readFileSync(packagePath('CHANGELOG.md'), 'utf8'), packageVersion()))
})
