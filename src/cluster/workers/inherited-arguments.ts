/** Options for this process alone: its program, its inspector's port, its tests, its standard input. */
const own = /^--(inspect|debug-port|eval|print|check|interactive|input-type|watch|test)|^-[epci]$/;
/** Of those: their value may be the next argument. */
const ownWithValue =
  /^(-e|-p|--eval|--print|--input-type|--debug-port|--inspect-(port|publish-uid)|--watch-(path|kill-signal)|--test-[a-z-]+)$/;

/** Node's options of this process that its workers get, too. */
export function inheritedArguments(given: readonly string[] = process.execArgv): string[] {
  return given.filter((argument, index) => {
    const isValue = ownWithValue.test(given[index - 1] ?? "") && !argument.startsWith("-");
    return !own.test(argument) && !isValue;
  });
}
