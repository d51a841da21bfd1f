// Which of Node's internal modules importing the server loads, as JSON.
const before = new Set(process.moduleLoadList);
await import("tswebtransport/server");
console.log(JSON.stringify(process.moduleLoadList.filter((name) => !before.has(name))));
