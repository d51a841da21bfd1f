// Runs programs one after the other in one process, and prints what became of each as a line of JSON: what it printed, and
// the error that it ended with. Ends by itself, which shows that no program has left anything open.
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const print = console.log;

for (const program of process.argv.slice(2)) {
  const lines = [];
  console.log = (...values) => lines.push(format(...values));
  // The default logger's lines are no program's output.
  console.error = () => {};
  let error;
  try {
    await import(pathToFileURL(program).href);
  } catch (thrown) {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
  print(JSON.stringify({ output: lines.join("\n"), error }));
}
