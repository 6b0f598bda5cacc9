/**
 * Protections against what one record may contain, each with the edits of the sources that take it out.
 *
 * @type {Readonly<Record<string, { readonly why: string, readonly edits: readonly import('../bundle.js').Edit[] }>>}
 */
export const breaks = {
  'record-fault': {
    why: 'an exception in the work on one record makes that record a dead letter, and nothing else',
    edits: [
      {
        file: 'src/consumers/ground/record-fault.ts',
        find: 'if (isOfSystem(error) || isOfMemory(error)) throw error',
        put: 'throw error',
      },
      {
        file: 'src/base/shown.ts',
        find: 'const text = textOf(value, length, shownDepth)',
        put: "return JSON.stringify(value) ?? ''; const text = textOf(value, length, shownDepth)",
      },
      { file: 'src/base/shown.ts', find: '  } catch {', put: '  } catch (error) { throw error' },
    ],
  },
  tombstones: {
    why: 'a record without a value is no event and no fault',
    edits: [
      {
        file: 'src/consumers/ground/decode.ts',
        find: 'if (record.value === null) continue',
        put: 'if (record.value === null) record.value = Buffer.alloc(0)',
      },
    ],
  },
}
