import { kafkaForTests } from '../../log/kafka/broker.js'
import { engineHarness } from '../engine-harness.js'
import { deadLettersContract } from './dead-letters.contract.js'
import { redriveContract } from './redrive.contract.js'

const broker = kafkaForTests()
const open = () => engineHarness(() => broker.open(), broker.topic())

deadLettersContract(open)
redriveContract(open)
