import { lettersContract } from './letters.contract.js'

lettersContract(() => undefined, () => 'doors')
