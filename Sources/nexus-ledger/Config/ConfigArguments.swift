import ArgumentParser
import LedgerCore
import LedgerRPC

/// Texts of the command line about the configuration.
enum ConfigArguments {
    static let paths = """
        A path is section/key…, for example system_settings/risk.var_confidence,
        exchanges/binance, risk_limits/venue_exposure/binance or
        strategy_parameters/basis/min_spread, and may end in a column, such as
        exchanges/binance/enabled. A key alone is one of system_settings.
        """

    /// A path in full.
    static func path(_ text: String) -> String {
        text.contains("/") || text.isEmpty ? text : "system_settings/" + text
    }

    /// A prefix of paths: a section, a part of a path, or a key of system_settings.
    static func prefix(_ text: String?) -> String {
        guard let text else { return "" }
        return text.contains("/") || sections.contains(text) ? text : "system_settings/" + text
    }

    private static let sections: Set<String> = [
        "exchanges", "risk_limits", "maintenance_windows", "system_settings",
        "strategy_parameters", "ui_preferences",
    ]

    /// The JSON of a value: what is JSON is meant so, everything else is a text.
    static func value(_ text: String) -> String {
        do throws(InvalidField) {
            _ = try JSONValue(parsing: Array(text.utf8))
            return text
        } catch {
            return JSONValue.string(text).plainText
        }
    }
}

/// Why something is changed.
struct ReasonOption: ParsableArguments {
    @Option(help: ArgumentHelp("Why, for the log of changes.", valueName: "text"))
    var reason: String = ""
}

/// How changes and values are shown.
enum ConfigReport {
    /// A value for people: texts without quotes.
    static func words(_ json: String) -> String {
        guard case .string(let text)? = parsed(json) else {
            return parsed(json)?.plainText ?? json
        }
        return text
    }

    static func parsed(_ json: String) -> JSONValue? {
        do throws(InvalidField) { return try JSONValue(parsing: Array(json.utf8)) } catch {
            return nil
        }
    }

    /// What differs between two values: the members of objects, else the values.
    static func change(_ before: JSONValue?, _ after: JSONValue?) -> String {
        guard case .object(let old)? = before, case .object(let new)? = after else {
            return "\(before?.plainText ?? "–") → \(after?.plainText ?? "–")"
        }
        return Set(old.keys).union(new.keys).sorted().filter { old[$0] != new[$0] }.map { name in
            "\(name): \(old[name]?.plainText ?? "–") → \(new[name]?.plainText ?? "–")"
        }.joined(separator: ", ")
    }

    static func change(_ change: Nexus_Ledger_V1_ConfigChange) -> String {
        self.change(
            change.previous.isEmpty ? nil : parsed(change.previous),
            change.current.isEmpty ? nil : parsed(change.current))
    }

    static func json(_ change: Nexus_Ledger_V1_ConfigChange) -> JSONValue {
        .object([
            "change_id": .integer(change.changeID),
            "changed_at": .string(Timestamp(microseconds: change.changedAtUs).description),
            "actor": .string(change.actor), "db_role": .string(change.dbRole),
            "path": .string(change.path),
            "previous": change.previous.isEmpty ? .null : parsed(change.previous) ?? .null,
            "current": change.current.isEmpty ? .null : parsed(change.current) ?? .null,
            "reason": change.reason.isEmpty ? .null : .string(change.reason),
            "rolls_back": change.rollsBack == 0 ? .null : .integer(change.rollsBack),
        ])
    }

    /// What an edit did, or would do.
    static func write(
        _ changes: [Nexus_Ledger_V1_ConfigChange], json: Bool, isDry: Bool
    ) throws {
        let output = Output.standard
        if json {
            for change in changes { try output.line(self.json(change).canonicalBytes) }
            return
        }
        guard !changes.isEmpty else { return try output.line("nothing to do: it is so already") }
        for change in changes {
            let number = isDry ? "would be" : "change \(change.changeID)"
            try output.line("\(number)  \(change.path)  \(self.change(change))".printable)
        }
        if !isDry {
            try output.line(
                Style.standard.dim(
                    "nexus-ledger config rollback --change \(changes[0].changeID) takes it back"))
        }
    }
}
