import { describeEngine } from "./engine-suite.ts";
import { memoryUnderTest } from "./memory-under-test.ts";

describeEngine("memory", memoryUnderTest());
