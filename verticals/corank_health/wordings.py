"""How people write when nothing should be ranked for them; see `corank.policy` for how to read it.

A net under a search box, not a triage: what it misses is ranked like any other question, beside
the disclaimer. A false alarm costs one press of the back button, so little is taken out again.
"""

# fmt: off
SUICIDE_MEANT = (
    "(kill*|hang*|shoot*|cut*|hurt*|harm*|drown*) (myself|himself|herself)",
    "(want*|wanna|going|ready|plan*|tr*|decided) to (die|end it|end everything|end things|"
    "not wake)",
    "(end*|take|taking) (my|his|her) (own )(life)", "(end*|take|taking) (my|his|her) life",
    "(going|about) to (jump|hang|shoot|do it|end)",
    "(text*|said|says|saying|wrote|posted|messaged) ... goodbye",
    "end it all", "better off (dead|without me)", "wish i (was|were|wasnt) (dead|here|alive)",
    "dont want to (live|be here|be alive|wake up|exist|go on)", "(no|any) reason to (live|go on)",
    "cant (go on|live like this|do this any more|do this anymore|take it any more|take it anymore)",
    "(feel*|am|im|is|hes|shes|so) suicidal", "(goodbye|suicide) (note|letter)",
    "(painless*|easiest|quickest|best|fastest) ... (die|kill myself)",
    "commit* suicide", "suicide (method*|pill*|plan)",
    "不想活", "想死", "(想|要|打算|准备|怎么|如何|怎样|去)自杀", "活不下去", "活着没意思",
    "结束...生命", "割腕", "(想|要)跳楼", "寻死", "轻生的念头",
)
SUICIDE_NAMED = ("自杀", "轻生", "(my|a) suicide attempt")
SUICIDE_ASKED_ABOUT = (
    "电影", "小说", "志愿者", "培训", "课程", "预防", "统计", "自杀率", "危险因素",
)

_CHILD = "(baby|newborn|infant|toddler|son|daughter|child|week old|month old|year old)"
_SWALLOWED = "(took|taken|take|taking|swallow*|ate|eaten|eating|drank|drunk|drinking|had|licked)"
_MEDICINE = (
    "(pill*|tablet*|capsule*|painkiller*|paracetamol|acetaminophen|tylenol|ibuprofen|aspirin|medicine*|"
    "medication|"
    "meds|insulin|antidepressant*|sleeping|codeine|morphine|opioid*|heroin|fentanyl|iron)"
)
POISON = (
    "(bleach|antifreeze|detergent|dishwasher|washing|laundry|drain|oven|button|battery|"
    "batteries|magnet*|"
    "rat poison|weedkiller|weed killer|berries|mushroom*|foxglove|turps|petrol|lamp oil|nicotine)"
)
_TAKEN_ZH = "(吃了|服了|服下|吞了|吞下|吃下|喝了|误食|误服|误吞)"
_DIGIT = "(0|1|2|3|4|5|6|7|8|9)"
OVERDOSE = (
    f"{_SWALLOWED} ... (too many|too much|whole|entire|all|handful*|double|packet*|"
    f"bottle*|box*|strip*|packs) ... {_MEDICINE}",
    f"{_SWALLOWED} ... (ten|twelve|fifteen|sixteen|twenty|thirty|forty|fifty|1*|2*|3*|4*|"
    f"5*) {_MEDICINE}",
    f"{_SWALLOWED} ... {_MEDICINE} ... (too many|whole box|all of them|all at once|at once)",
    f"{_SWALLOWED} ... {POISON}",
    f"{_SWALLOWED} ... (gran*|nan*|mum*|mom*|dad*|my|his|her) (pill*|tablet*|medicine*|"
    f"medication|meds)",
    "(ive|i have|has|have|just|think*) ... (overdosed|taken an overdose|took an overdose|od)",
    "(drank|drunk|swallowed|ate) ... (bleech|bleche|blech)",
    f"{_CHILD} ... (ate|eaten|swallow*|got into|took|taken) ... {_MEDICINE}",
    f"(ate|eaten|swallow*|took|taken) ... {_MEDICINE} ... (not sure|dont know) how many",
    "overdosed", "took ... overdose",
    "(吃了|服了|吞了|吞下|喝了|误食|误服|误吞|吃掉)...(整瓶|一瓶|整盒|一盒|很多|太多|过量|"
    "好多|几十片|几十粒)",
    "(吃了|吞了|吞下|喝了|误食|误服|误吞)...(农药|洗洁精|漂白|消毒|电池|安眠药|老鼠药|干燥剂|"
    "洁厕|磁铁)",
    "(药|服药)...(过量|吃多了)",
    f"{_TAKEN_ZH}...(十|百|{_DIGIT}{_DIGIT})...(片|粒|颗)",
)

_HURT = "(pain*|hurt*|tight*|pressure|crush*|squeez*|ach*|heavy|heaviness|burning)"
EMERGENCY = (
    # heart
    f"chest ... {_HURT}", f"{_HURT} ... (chest|left arm|jaw)", "heart attack",
    "elephant ... chest", "chest ... elephant", "cardiac arrest",
    "(heart|pulse) ... (stopped|stopping)", "no pulse",
    # breath
    "(cant|cannot|can not|unable to|hardly|struggl* to|barely|trouble|difficulty|stopped|not|"
    "isnt|never|"
    "hard to) (be )(breath*)",
    "(cant|cannot|unable to|hardly|struggl* to|struggling|barely|trouble|"
    "difficulty|stopped|not|isnt|hard to|fighting to) breath*", "gasping",
    "cant ... (breath|breathe)",
    "chok*", "(lips|face|fingers|skin) ... (blue|grey|gray|purple)",
    "(turn*|gone|going|went) (blue|grey|gray)",
    # brain
    "(face|mouth|smile|eye) ... (droop*|dropped|dropping|crooked|lopsided)",
    "(face|mouth) ... numb",
    "(droop*|lopsided|crooked) (face|mouth|smile)",
    "slurr*",
    "(cant|cannot|suddenly) ... (speak|talk|see|lift ... arm|move ... arm|move ... leg|blind)",
    "(seizures|fits) in a row", "(hasnt|not|wont) come round", "having a (stroke|seizure|fit)",
    "(think*|might|maybe) ... stroke",
    "(numb*|weak*|paralys*|limp|dead) ... (one|left|right) (side|arm|leg)",
    "(one|left|right) (side|arm|leg) ... (numb*|weak*|paralys*|limp|dead|cant move|wont move)",
    "worst headache", "thunderclap",
    "(seizure|fitting|convuls*|seizing|shaking) ... (stop*|minutes|now|still|blue)",
    "(is|are|keep*|started|was|been) (having |been )(fitting|convulsing|seizing)",
    "(is|hes|shes|started|been) (fitting|convulsing|seizing)",
    "(unconscious|unresponsive|passed out|collapsed|fainted and|not responding|not respond)",
    "(wont|cant|doesnt|not|isnt|hard to|impossible to) (wake*|waking|rouse|respond*)",
    # blood and wounds
    "bleed* ... (wont|not|doesnt|hasnt|cant|never) ... stop*",
    "(wont|cant|doesnt|not) stop* (bleed*|the bleed*|the blood)",
    "bleeding (heavily|badly|everywhere|a lot|loads|so much|out)",
    "blood (is )(pumping|spurting|pouring|everywhere|gushing)",
    "blood (pumping|spurting|pouring|everywhere|gushing|all over)",
    "(pumping|spurting|pouring|gushing|lot* of|losing*) ... blood",
    "(vomit*|throwing up|threw up|cough*|spitting|sick) ... blood",
    "(soak*|through) ... (pad*|towel*) ... (hour|minute*)",
    "(stabbed|shot|impaled|severed|amputated)", "cut ... (finger|hand|toe|arm|wrist) ... off",
    "(chopped|sliced) ... off",
    "(finger*|thumb|hand|toe*|ear) ... (gone|missing|severed)", "bleed* through", "soak* a pad",
    "bleed* ... through ... (towel*|bandage*|dressing*|clothes|shirt)",
    "(saw|axe|chainsaw|knife|machete) ... (deep|bleed*|bone|gone)",
    "heav* bleed* ... (weeks|pregnan*)", "(black|tarry) ... (poo|stool*) ... (faint|dizzy|weak)",
    "bone ... (sticking|poking|through)",
    "(fell|fallen|hit|bang*) ... head ... (confus*|vomit*|sick|drowsy|sleepy|unconscious|"
    "fluid|wont)",
    # allergy, infection, heat, children
    "asthma ... (not working|no inhaler|cant|not helping)",
    "inhaler ... (not|isnt) (working|helping)",
    "(throat|tongue|lips|face) ... (sweling|sweeling|swellin)",
    "(knocked out|knocked unconscious|lost consciousness)",
    "(bang*|hit|knock*|fell) ... head ... (asleep|sleepy|drows*|vomit*|sick|confus*)",
    "(spots|rash|marks) ... (dont|doesnt|not|wont|never) (go away|fade|disappear) ... press*",
    f"{_CHILD} ... (grunting|mottled|very sleepy|hard to wake)",
    "(newborn|week old|weeks old) ... (fever|temperature)",
    "(feel|see|saw|felt) the cord", "waters (broke|broken|gone) ... (cord|green|brown|blood)",
    "pregnan* ... headache ... (flashing|swollen|vision|blurred|lights)",
    "(cleaner|bleach|acid|ammonia|glue|lime|descaler|chemical*) ... (eye|eyes)",
    "(cleaner|acid|bleach|chemical*) ... (face|skin) ... (burn*|open)",
    "(kettle|boiling|scald*|hot oil) ... (baby|child|chest|face|skin|arm|leg)",
    "skin ... (peeling|coming|hanging) off",
    "(burn*|scald*) ... (face|large|all over|chest|peeling)",
    "(cant|cannot) feel (my|his|her) (legs|arm|face|arms|hands|leg)",
    "(wet|soiled) (myself|himself|herself) ... (numb|back|legs)", "numb between ... legs",
    "(hives|rash|itch*) ... (wheez*|breath*|swell*|throat|lips)", "epipen ... (use|used|need|no)",
    "used ... epipen",
    "anaphyla*", "(throat|tongue|lips|face|mouth) ... (swell*|swollen|clos*|tighten*)",
    "swell* ... (throat|tongue|lips)",
    "epipen ... (used|need|no|cant|dont have|not)",
    "rash ... (stiff neck|doesnt fade|wont fade|not fad*|doesnt go|glass)",
    "stiff neck ... (fever|light|rash|headache|temperature)",
    "(fever|temperature) ... (stiff neck|floppy|limp|confused|fit|rash)",
    f"{_CHILD} ... (not breathing|wont wake|floppy|limp|blue|grey|unresponsive|fitting|not moving)",
    "(floppy|limp) (baby|newborn|infant|toddler|child)",
    "pregnan* ... (bleeding|no movement|not moving|stopped moving|not felt|seizure|fit|cant see)",
    "(baby|bump) ... (stopped moving|not moved|hasnt moved)",
    "baby ... coming ... (now|ambulance|help)", "cord ... (out|hanging|neck)",
    "(electrocuted|electric shock|drowned|drowning|heatstroke|heat stroke|hypotherm*|"
    "carbon monoxide)",
    "(bitten|bit|bite) ... (snake|adder|viper|rattlesnake|cobra|scorpion|black widow)",
    "soak* ... pad ... (minutes|hour|faint)", "(fruity|pear drop*) breath", "sugar over (4|5|6)*",
    "testic* ... (sudden|severe|swollen|twisted)",
    "(bitten|bit|bite) ... (snake|adder|viper)", "(snake|adder|viper) (bit|bite|bitten)",
    "(acid|bleach|chemical*|cement|lye) ... (eye|eyes)",
    "(sugar|hypo|diabetic|insulin) ... (unconscious|wont wake|confused|passed out|"
    "not making sense|cant swallow)",
    "(call|need|phone|send|get) ... (ambulance|999|911|112)",
    "(hes|shes|im|i am|am i|is|think*) ... dying",
    # Chinese
    "(胸口|胸部|心口|胸)...(剧痛|很痛|痛得|疼得|压|绞痛|闷|痛到|疼到)", "心脏病(发作|犯了)",
    "心跳停", "没有心跳",
    "(不能|无法|喘不|透不|没法)...(呼吸|上气|过气|气)", "没有呼吸", "不呼吸", "呼吸困难",
    "停止呼吸", "窒息", "(噎|呛|卡)(住|到)",
    "叫不醒", "昏迷", "不省人事", "失去意识", "没有反应", "没反应", "晕倒", "抽搐", "抽风",
    "口吐白沫",
    "(血|出血|流血)...(止不住|不停|不止|喷)", "大出血", "大量出血", "吐血", "咳血",
    "(嘴|脸|面部|口角)...(歪|麻|下垂)", "说话不清", "说话含糊", "说不出话",
    "(半边|一侧|一边)...(麻|动不了|无力|不能动)",
    "(喉咙|舌头|嘴唇|脸)...(肿|发紫|发青)", "过敏性休克", "触电", "溺水", "一氧化碳", "煤气中毒",
    "蛇咬", "(溅|喷|进)...眼", "(摔|撞|磕)...头...(吐|糊涂|昏|睡)", "救命", "快(要)死了", "快死了",
)
WHATEVER_IS_ASKED = (
    "(cant|cannot|not|isnt|stopped|struggling to) breath*",
    "(husband|wife|baby|son|daughter|child|mum|"
    "mom|dad|mother|father|friend|partner|grandma|grandad|sister|brother|he|she) ... (collapsed|"
    "unconscious|choking|unresponsive)", "(someone|somebody|is|hes|shes) (who is |)choking",
    "(collapsed|unconscious) ... (now|after)", "(throat|tongue) ... (swell*|swollen|clos*)",
    "(crushing|tight) chest", "chest ... (crushing|cant breath*)", "now ... (chest pain|crushing)",
    "(胸口|胸部|心口)...(很痛|剧痛|好痛)", "没有呼吸", "(叫不醒|昏迷)",
)
ASKED_ABOUT = (
    "(kit|course|class|policy|leaflet|sticker|bag) (for|on|about)", "(detector|alarm*) for",
    "dying of (boredom|heat|hunger|thirst|laughter)",
    "(kit|expiry|replacement|normal development|exercise*|cream|insurance)$",
    "^what (is|are|was|does|cause*|happens|to expect)", "^whats (a|an|the)",
    "^why (do|does|is|are|did)",
    "^how (common|long|to prevent|to avoid|is|are|do|does|often|many)",
    "^(can|does|do|could|is it) ... (cause|causes|true|hereditary)",
    "^(difference|history)", "^(exercise*|diet|food*|tips|leaflet|poster|learn*)",
    "(risk factor*|risk of|causes of|prevent*|meaning of|definition|statistics|awareness)",
    "(course*|training|volunteer*|film|movie|book|novel|song|essay|fundraising|charity)",
    "(symptom*|signs) of",
    "(recover*|rehab*|follow up|after a|after an|after heart|after stroke)",
    "(since my|after my|after his|after her)",
    "(years|months|weeks) ago", "last (year|month)",
    "(survivor*|in dogs|my dog|my cat|family history)",
    "什么是", "是什么", "原因", "预防", "风险因素", "危险因素", "课程", "培训", "电影", "小说",
    "志愿者", "康复", "后遗症",
    "早期症状", "有哪些", "注意事项", "区别",
)
HERE_AND_NOW = (
    "(my|our) (husband|wife|baby|son|daughter|child|boy|girl|kid|mum|mom|dad|mother|father|friend|"
    "partner|grandma|grandad|gran|nan|sister|brother|flatmate|roommate|colleague|chest|arm|face|leg)",
    "(he|she|hes|shes|they) (is|are|has|was|cant|cannot|wont|isnt|had)", "(hes|shes)",
    "(i cant|i cannot|im having|i am having|ive got|i feel|i think im)",
    "(right now|now|again|suddenly)",
    "(what|how) (do|should|can) (i|we) (do|stop|help)", "help me", "it wont stop", "severe chest",
    "救命", "突然", "止不住", "怎么办", "我", "他", "她", "老公", "老婆", "丈夫", "妻子", "爸",
    "妈", "孩子", "宝宝", "儿子", "女儿", "奶奶", "爷爷", "朋友", "同事", "有人",
)
# fmt: on
