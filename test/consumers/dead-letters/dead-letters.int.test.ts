import { deadLettersContract } from './dead-letters.contract.js'

deadLettersContract(
  () => undefined,
  () => 'doors',
)
