/** Something that only the person at the keyboard can mend; its message says how, so no stack is shown. */
export class SetUpError extends Error {
  name = "SetUpError";
}

/** Runs a script's main function: what the reader can mend is printed plainly, anything else with its stack. */
export async function runScript(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof SetUpError ? `\n${error.message}\n` : error);
    process.exitCode = 1;
  }
}
