/// Languages the simulated site speaks.
package enum SimulatedSiteLanguage: String, Sendable, CaseIterable {
    case english = "en"
    case german = "de"
    case portuguese = "pt"

    /// The language an `Accept-Language` header asks for first; English for one the site does not have.
    init(acceptLanguage: String) {
        let first = acceptLanguage.split(whereSeparator: { $0 == "," || $0 == ";" }).first ?? ""
        let primary = first.split(separator: "-").first.map { $0.lowercased() } ?? ""
        self = SimulatedSiteLanguage(rawValue: primary) ?? .english
    }
}

/// What the site says. Only the words are translated, never the exception's type.
enum SiteWords: Sendable {
    case requiredValues
    case noEmployee(field: String, value: String)
    case inactiveEmployee(name: String)
    case alreadyThere(link: String)
    case logTypeRequired(shift: String)
    case coordinatesRequired
    case notAllowedValue(label: String, value: String, allowed: String)
    case tooLong(document: String, label: String, limit: Int)
    case couldNotFind(doctype: String, name: String)
    case noMethod(name: String, reason: String)
    case notWhitelisted(function: String)
    case insufficient(doctype: String, action: String?)
    case linkedRecord(doctype: String, employee: String)
    case notPermitted
    case notFound(doctype: String, name: String)
    case alreadyExists(doctype: String, name: String)
    case only200
    case fieldNotPermitted(String)
    case tooManyRequests
    case cannotModifyTime
    case invalidRequest
    case badToken
    /// The same in every language: what Python or MariaDB says.
    case untranslated(String)

    func text(_ language: SimulatedSiteLanguage) -> String {
        switch language {
        case .english: english
        case .german: german
        case .portuguese: portuguese
        }
    }

    private var english: String {
        switch self {
        case .requiredValues: "'employee_field_value' and 'timestamp' are required."
        case .noEmployee(let field, let value):
            "No Employee found for the given employee field value. '\(field)': \(value)"
        case .inactiveEmployee(let name):
            "Transactions cannot be created for an Inactive Employee \(Self.employeeLink(name))."
        case .alreadyThere(let link): "This employee already has a log with the same timestamp.<Br>\(link)"
        case .logTypeRequired(let shift): "Log Type is required for check-ins falling in the shift: \(shift)."
        case .coordinatesRequired: "Latitude and longitude values are required for checking in."
        case .notAllowedValue(let label, let value, let allowed):
            "\(label) cannot be \"\(value)\". It should be one of \(allowed)"
        case .tooLong(let document, let label, let limit):
            "\(document): '\(label)' will get truncated, as max characters allowed is \(limit)"
        case .couldNotFind(let doctype, let name): "Could not find \(doctype): \(name)"
        case .noMethod(let name, let reason): "Failed to get method for command \(name) with \(reason)"
        case .notWhitelisted(let function):
            "<details><summary>You are not permitted to access this resource.</summary>"
                + "Function <strong>\(function)</strong> is not whitelisted.</details>"
        case .insufficient(let doctype, let action):
            "Insufficient Permission for <strong>\(doctype)</strong>\(action.map { " (\($0))" } ?? "")"
        case .linkedRecord(let doctype, let employee):
            "You are not allowed to access this \(doctype) record because it is linked to Employee "
                + "'\(employee)' in field Employee"
        case .notPermitted: "Not permitted"
        case .notFound(let doctype, let name): "\(doctype) \(name) not found"
        case .alreadyExists(let doctype, let name): "\(doctype) <strong>\(name)</strong> already exists"
        case .only200: "Only 200 inserts allowed in one request"
        case .fieldNotPermitted(let field): "Field not permitted in query: \(field)"
        case .tooManyRequests:
            "You hit the rate limit because of too many requests. Please try after sometime."
        case .cannotModifyTime:
            "An attendance record is linked to this checkin. Please cancel the attendance before modifying time."
        case .invalidRequest: "Invalid Request"
        case .badToken: "Failed to decode token, please provide a valid base64-encoded token."
        case .untranslated(let text): text
        }
    }

    private var german: String {
        switch self {
        case .requiredValues: "'employee_field_value' und 'timestamp' sind erforderlich."
        case .noEmployee(let field, let value):
            "Für den angegebenen Wert des Mitarbeiterfeldes wurde kein Mitarbeiter gefunden. '\(field)': \(value)"
        case .inactiveEmployee(let name):
            "Für den nicht aktiven Mitarbeiter \(Self.employeeLink(name)) können keine Vorgänge angelegt werden."
        case .alreadyThere(let link):
            "Dieser Mitarbeiter hat schon eine Buchung mit demselben Zeitstempel.<Br>\(link)"
        case .logTypeRequired(let shift):
            "Für Buchungen in der Schicht wird der Protokolltyp benötigt: \(shift)."
        case .coordinatesRequired: "Zum Einchecken werden Breiten- und Längengrad benötigt."
        case .notAllowedValue(let label, let value, let allowed):
            "\(label) darf nicht \"\(value)\" sein. Es sollte eines von \(allowed) sein"
        case .tooLong(let document, let label, let limit):
            "\(document): '\(label)' wird gekürzt, da höchstens \(limit) Zeichen erlaubt sind"
        case .couldNotFind(let doctype, let name): "\(doctype) konnte nicht gefunden werden: \(name)"
        case .noMethod(let name, let reason):
            "Methode für den Befehl \(name) konnte nicht abgerufen werden: \(reason)"
        case .notWhitelisted(let function):
            "<details><summary>Sie dürfen auf diese Ressource nicht zugreifen.</summary>"
                + "Funktion <strong>\(function)</strong> ist nicht freigegeben.</details>"
        case .insufficient(let doctype, let action):
            "Unzureichende Berechtigung für <strong>\(doctype)</strong>\(action.map { " (\($0))" } ?? "")"
        case .linkedRecord(let doctype, let employee):
            "Sie dürfen auf diesen Datensatz \(doctype) nicht zugreifen, weil er im Feld Mitarbeiter mit Employee "
                + "'\(employee)' verknüpft ist"
        case .notPermitted: "Nicht zulässig"
        case .notFound(let doctype, let name): "\(doctype) \(name) nicht gefunden"
        case .alreadyExists(let doctype, let name): "\(doctype) <strong>\(name)</strong> existiert bereits"
        case .only200: "Nur 200 Einfügungen in einer Anfrage erlaubt"
        case .fieldNotPermitted(let field): "Feld in der Abfrage nicht zulässig: \(field)"
        case .tooManyRequests: "Zu viele Anfragen. Bitte versuchen Sie es später erneut."
        case .cannotModifyTime:
            "Mit dieser Buchung ist eine Anwesenheit verknüpft. Bitte stornieren Sie diese, ehe Sie die Zeit ändern."
        case .invalidRequest: "Ungültige Anfrage"
        case .badToken: "Das Token konnte nicht gelesen werden."
        case .untranslated(let text): text
        }
    }

    private var portuguese: String {
        switch self {
        case .requiredValues: "'employee_field_value' e 'timestamp' são obrigatórios."
        case .noEmployee(let field, let value):
            "Nenhum funcionário encontrado para o valor de campo indicado. '\(field)': \(value)"
        case .inactiveEmployee(let name):
            "Não é possível criar transações para o funcionário inativo \(Self.employeeLink(name))."
        case .alreadyThere(let link):
            "Este funcionário já possui um registro com o mesmo carimbo de data e hora.<Br>\(link)"
        case .logTypeRequired(let shift): "O tipo de registro é obrigatório para o turno: \(shift)."
        case .coordinatesRequired: "Latitude e longitude são obrigatórias para o registro."
        case .notAllowedValue(let label, let value, let allowed):
            "\(label) não pode ser \"\(value)\". Deve ser um de \(allowed)"
        case .tooLong(let document, let label, let limit):
            "\(document): '\(label)' será truncado, pois o máximo de caracteres permitido é \(limit)"
        case .couldNotFind(let doctype, let name): "Não foi possível encontrar \(doctype): \(name)"
        case .noMethod(let name, let reason): "Falha ao obter o método do comando \(name) com \(reason)"
        case .notWhitelisted(let function):
            "<details><summary>Você não tem permissão para acessar este recurso.</summary>"
                + "A função <strong>\(function)</strong> não está liberada.</details>"
        case .insufficient(let doctype, let action):
            "Permissão insuficiente para <strong>\(doctype)</strong>\(action.map { " (\($0))" } ?? "")"
        case .linkedRecord(let doctype, let employee):
            "Você não pode acessar este registro \(doctype) porque está vinculado a Employee '\(employee)'"
        case .notPermitted: "Não permitido"
        case .notFound(let doctype, let name): "\(doctype) \(name) não encontrado"
        case .alreadyExists(let doctype, let name): "\(doctype) <strong>\(name)</strong> já existe"
        case .only200: "Apenas 200 inserções são permitidas em uma solicitação"
        case .fieldNotPermitted(let field): "Campo não permitido na consulta: \(field)"
        case .tooManyRequests: "Você atingiu o limite de solicitações. Tente novamente mais tarde."
        case .cannotModifyTime:
            "Há um registro de presença vinculado. Cancele-o antes de modificar a hora."
        case .invalidRequest: "Pedido inválido"
        case .badToken: "Falha ao decodificar o token."
        case .untranslated(let text): text
        }
    }

    private static func employeeLink(_ name: String) -> String {
        "<a href=\"/app/employee/\(name)\" style=\"font-weight: bold;\">\(name)</a>"
    }
}
