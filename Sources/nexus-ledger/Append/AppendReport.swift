import GRPCCore
import LedgerCore
import LedgerRPC

/// Tells people and programs what came of the lines.
struct AppendReport: Sendable {
    /// A JSON line for each input line, instead of a summary only.
    var json: Bool

    /// Writes what came of lines; those refused go to standard error. Of lines that failed the
    /// first is enough: the others behind it say the same.
    func write(_ reports: [AppendTally.Report], firstFailed: Int?) throws {
        for report in reports {
            if let message = AppendReport.refusal(of: report, firstFailed: firstFailed) {
                let (first, last) = (report.lines.first ?? 0, report.lines.last ?? 0)
                let place = first == last ? "line \(first)" : "lines \(first)–\(last)"
                Progress.standard.message("\(place): \(message)")
            }
            guard json else { continue }
            for (line, outcome) in zip(report.lines, report.outcomes) {
                try Output.standard.line(AppendReport.json(line, outcome).canonicalBytes)
            }
        }
    }

    /// Writes the numbers: on standard error where standard output is for programs.
    func summarize(_ tally: AppendTally) throws {
        var words =
            "appended \(tally.appended), already known \(tally.known), "
            + "refused \(tally.refused)"
        if tally.failed > 0 { words += ", failed \(tally.failed)" }
        if tally.buffered > 0 { words += ", buffered \(tally.buffered)" }
        if tally.lastPosition > 0 { words += "; last log position \(tally.lastPosition)" }
        if json { Progress.standard.message(words) } else { try Output.standard.line(words) }
    }

    private static func refusal(
        of report: AppendTally.Report, firstFailed: Int?
    ) -> String? {
        switch report.outcomes.first {
        case .refused(_, let message), .malformed(let message): message
        case .failed(_, let message): report.lines.first == firstFailed ? message : nil
        case .committed, .buffered, nil: nil
        }
    }

    private static func json(_ line: Int, _ outcome: AppendTally.Outcome) -> JSONValue {
        var members: [String: JSONValue] = ["line": .integer(line)]
        switch outcome {
        case .committed(let place):
            members["outcome"] = .string(place.duplicate ? "known" : "appended")
            members["event_id"] = .string(place.eventID)
            members["log_position"] = .integer(place.logPosition)
            members["version"] = .integer(place.version)
            members["recorded_at"] = .instant(us: place.recordedAtUs)
        case .buffered(let buffered):
            members["outcome"] = .string("buffered")
            members["outbox_sequence"] = .integer(buffered.outboxSequence)
            members["reason"] = .text(buffered.reason)
        case .refused(let code, let message):
            members["outcome"] = .string("refused")
            members["code"] = .string(statusName(code))
            members["message"] = .string(message)
        case .failed(let code, let message):
            members["outcome"] = .string("failed")
            members["code"] = .string(statusName(code))
            members["message"] = .string(message)
        case .malformed(let message):
            members["outcome"] = .string("malformed")
            members["code"] = .string("INVALID_ARGUMENT")
            members["message"] = .string(message)
        }
        return .object(members)
    }

    /// The name of a gRPC status code, as its specification writes it.
    private static func statusName(_ code: Int32) -> String {
        let names = [
            "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
            "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
            "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
            "UNAUTHENTICATED",
        ]
        return names.indices.contains(Int(code)) ? names[Int(code)] : String(code)
    }
}
