/* The built-in Spanish sentences: who did what to what, where, when and why, with articles and adjectives that agree.
 * Shorter than the English ones: most tokenizers cut Spanish finer. */
#include "probe/sentences.h"

struct noun {
    const char *text;
    bool feminine;
};

struct adjective {
    const char *masculine, *feminine;
};

static const struct noun people[] = {
    {"panadero", false},  {"panadera", true},  {"carpintero", false}, {"jardinera", true},  {"marinero", false},
    {"maestra", true},    {"sastre", false},   {"molinero", false},   {"pintora", true},    {"bibliotecaria", true},
    {"relojero", false},  {"pescador", false}, {"pastora", true},     {"médica", true},     {"ingeniero", false},
    {"cartero", false},   {"granjera", true},  {"tejedora", true},    {"alfarero", false},  {"cocinera", true},
    {"traductor", false}, {"herrero", false},  {"camarera", true},    {"piloto", false},    {"enfermera", true},
    {"jueza", true},      {"minero", false},   {"escritora", true},   {"conductora", true}, {"librero", false},
    {"abogada", true},    {"vecino", false},   {"reina", true},       {"poeta", false},     {"profesora", true},
    {"soldado", false},   {"campesina", true}, {"capitán", false},    {"niña", true},       {"abuelo", false},
};

static const struct adjective qualities[] = {
    {"viejo", "vieja"},       {"paciente", "paciente"}, {"alegre", "alegre"},       {"cansado", "cansada"},
    {"curioso", "curiosa"},   {"joven", "joven"},       {"prudente", "prudente"},   {"terco", "terca"},
    {"callado", "callada"},   {"listo", "lista"},       {"honrado", "honrada"},     {"famoso", "famosa"},
    {"inquieto", "inquieta"}, {"amable", "amable"},     {"nervioso", "nerviosa"},   {"alto", "alta"},
    {"generoso", "generosa"}, {"rico", "rica"},         {"tranquilo", "tranquila"}, {"pobre", "pobre"},
};

static const char *const deeds[] = {
    "reparó",   "vendió", "pintó",    "encontró", "describió", "midió",   "limpió", "envolvió",
    "devolvió", "compró", "pesó",     "dibujó",   "admiró",    "olvidó",  "perdió", "examinó",
    "entregó",  "guardó", "escondió", "llevó",    "rompió",    "recogió", "buscó",  "cambió",
};

static const char *const things[] = {
    "una olla de cobre",   "una escalera de madera", "un mapa antiguo",       "un anillo de plata",
    "una cesta de peras",  "un violín roto",         "un paquete de cartas",  "una lámpara de vidrio",
    "una caja de velas",   "un paraguas roto",       "un tarro de miel",      "una cortina de seda",
    "una bicicleta vieja", "una silla de cuero",     "un saco de harina",     "una estufa de hierro",
    "una máscara blanca",  "una manta de lana",      "un telescopio pequeño", "una estatua de piedra",
    "un par de botas",     "un pan de centeno",      "una tetera azul",       "un montón de libros",
    "una moneda dorada",   "un juego de cartas",     "un pastel de manzana",  "una bolsa de nueces",
    "una jaula vacía",     "un frasco de tinta",     "un sombrero de paja",   "una rueda nueva",
    "una caja de música",  "una cuerda larga",       "una medalla de bronce", "un diccionario viejo",
    "una carta secreta",   "una máquina de coser",   "un plato de barro",     "una red de pesca",
    "un reloj de pared",   "una maleta roja",        "un espejo grande",      "un tambor de lata",
};

static const char *const places[] = {
    "en el mercado",     "junto al río",         "cerca del puerto",       "bajo el puente",
    "en la plaza",       "en el bosque",         "al lado del lago",       "en una calle estrecha",
    "en el último piso", "frente al teatro",     "en la cocina",           "en el museo",
    "en el tren",        "en la sala de espera", "al pie de la montaña",   "en el jardín",
    "junto al faro",     "a orillas del canal",  "en un banco del parque", "en el taller",
    "entre los árboles", "en la isla",           "en la frontera",         "delante de la escuela",
    "en la biblioteca",  "al final del camino",
};

static const char *const times[] = {
    "una mañana de lluvia",
    "en otoño",
    "antes de medianoche",
    "después de la tormenta",
    "el lunes temprano",
    "una tarde de verano",
    "en plena noche",
    "dos días después",
    "al final de la guerra",
    "a mediodía",
    "al amanecer",
    "la víspera de la fiesta",
    "a las siete",
    "aquella primavera",
    "otra vez",
    "hace muchos años",
    "el último día del año",
    "un domingo de mayo",
    "durante la cena",
    "poco antes del viaje",
};

static const char *const reasons[] = {
    "porque el puente estaba cerrado",
    "mientras los niños dormían",
    "aunque nadie lo sabía",
    "porque el tren llegó tarde",
    "cuando sonaron las campanas",
    "porque hacía frío",
    "mientras un gato miraba",
    "aunque la puerta estaba cerrada",
    "porque un amigo ayudó",
    "cuando bajó el agua",
    "sin decir nada",
    "porque no había otra salida",
    "después de tres intentos",
    "con mucho cuidado",
    "por última vez",
    "cuando terminó la música",
    "aunque costaba mucho",
    "antes de la salida del sol",
    "con las manos frías",
    "por consejo de su hermana",
};

#define PICK(random, list) (list[hs_random_below(random, sizeof list / sizeof *list)])

enum { N_PATTERNS = 7 };

static const char *the(struct noun noun) { return noun.feminine ? "la" : "el"; }
static const char *a(struct noun noun) { return noun.feminine ? "una" : "un"; }
static const char *to_the(struct noun noun) { return noun.feminine ? "a la" : "al"; }

static const char *agree(struct adjective adjective, struct noun noun) {
    return noun.feminine ? adjective.feminine : adjective.masculine;
}

bool hs_spanish_sentence(struct hs_random *random, struct hs_buffer *out) {
    uint64_t pattern = hs_random_below(random, N_PATTERNS);
    struct noun who = PICK(random, people), other = PICK(random, people);
    const char *how = agree(PICK(random, qualities), who), *did = PICK(random, deeds);
    const char *what = PICK(random, things), *more = PICK(random, things), *where = PICK(random, places);
    const char *when = PICK(random, times), *why = PICK(random, reasons);
    switch (pattern) {
    case 0:
        return hs_buffer_printf(out, "%s, %s %s %s %s %s.", when, the(who), who.text, did, what, where);
    case 1:
        return hs_buffer_printf(out, "%s %s %s %s %s %s.", the(who), who.text, how, did, what, where);
    case 2:
        return hs_buffer_printf(out, "%s, %s %s %s %s.", why, the(who), who.text, did, what);
    case 3:
        return hs_buffer_printf(out, "%s %s %s %s y %s.", the(who), who.text, did, what, more);
    case 4:
        return hs_buffer_printf(out, "%s, %s %s %s %s %s.", when, a(who), who.text, how, did, what);
    case 5:
        return hs_buffer_printf(out, "fue %s %s %s quien %s %s.", the(who), who.text, how, did, what);
    default:
        return hs_buffer_printf(out, "%s %s enseñó %s %s %s %s.", the(who), who.text, what, to_the(other), other.text,
                                where);
    }
}
