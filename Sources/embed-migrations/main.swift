// Writes the migrations into one Swift file, so that the executable carries them with it.
// Arguments: the migrations' folder, the file to write.
import Foundation

let arguments = CommandLine.arguments
guard arguments.count == 3 else {
    FileHandle.standardError.write(Data("usage: embed-migrations FOLDER OUTPUT\n".utf8))
    exit(64)
}
let folder = URL(fileURLWithPath: arguments[1])
let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    .filter { $0.hasSuffix(".sql") }
    .sorted()
var output = "let embeddedFiles: [(name: String, text: String)] = [\n"
for name in names {
    let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    output += "(name: \"\(name)\", text: ###\"\"\"\n\(text)\n\"\"\"###),\n"
}
output += "]\n"
try output.write(to: URL(fileURLWithPath: arguments[2]), atomically: true, encoding: .utf8)
