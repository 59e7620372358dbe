import "./style.css";
import "./elements/console";
