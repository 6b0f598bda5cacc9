import { lettersContract } from './dead-letters.contract.js'

lettersContract(
  () => undefined,
  () => 'doors',
)
